"""`python bot.zip` runs the bot; `python bot.zip health` answers the container's health check."""

import os
import sys

from telegram_bot import app, heartbeat  # type: ignore[import-not-found]

if __name__ == "__main__":
    if sys.argv[1:] == ["health"]:
        sys.exit(heartbeat.probe(os.environ))
    code = app.run(os.environ)
    sys.stdout.flush()
    os._exit(code)  # what did not finish within the drain must not hold up the stop
