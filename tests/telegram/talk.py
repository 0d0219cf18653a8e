"""`python -m tests.telegram.talk`: a conversation with the packed bot, and its own log, to read."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from listener.compose import catalog

from . import container, fakes

STRANGER = 99
WIDTH = 120
BEES = ["Bees use ", "the sun ", "as a compass, ", "remember landmarks, ", "and smell ", "their own hive."]
NIGHT = ["Most stay home: ", "without the sun ", "only a few kinds fly."]
BROKEN = 'data: {"error": {"message": "upstream died"}}\n\n'
PLAN = ["First ", "the queen, ", "then the rest."]

Write = Callable[[str], object]


class Talk(fakes.FakeTelegram):
    """A Bot API that tells what it sees, with the bot's log in between."""

    def __init__(self, write: Write, folder: Path) -> None:
        self._write = write
        self._log = folder / "log"
        self._told = 0
        self._begun = time.monotonic()
        super().__init__()

    def tell(self, who: str, text: str) -> None:
        """One line of the conversation."""
        flat = text.replace("\n", " / ")
        short = flat if len(flat) <= WIDTH else f"{flat[:WIDTH]} … ({len(text)} characters)"
        self._write(f"{time.monotonic() - self._begun:5.1f} s  {who:<12} {short}\n")

    def ask(self, text: str, *, user: int = fakes.OWNER) -> None:
        """A person writes."""
        self.tell("owner" if user == fakes.OWNER else "stranger", text)
        self.say(text, user=user)

    def until(self, bot: container.Container, event: str, count: int) -> None:
        """Wait for the bot to log that; then show what it logged."""
        self.wait_for(lambda: len(bot.logged(event)) >= count)
        self.logged()

    def logged(self) -> None:
        """The log lines that were not told yet."""
        lines = self._log.read_text().splitlines()
        for line in lines[self._told :]:
            self._write(f"{'':9}log          {line}\n")
        self._told = len(lines)

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """One call of a method; what a chat shows is told."""
        method = handler.path.rpartition("/")[2]
        if method in {"sendMessage", "editMessageText"}:
            self.tell("bot" if method == "sendMessage" else "bot (edit)", body["text"])
        super().answer(handler, body)


def main(write: Write = sys.stdout.write) -> int:
    """The whole talk; the bot's exit code."""
    subject = catalog.Catalog.load().get("telegram-bot")
    assert subject is not None
    with tempfile.TemporaryDirectory() as name:
        router, telegram = fakes.FakeRouter(), Talk(write, Path(name))
        platform = {"ROUTER_BASE_URL": f"{router.url}/v1", "TELEGRAM_API_BASE": telegram.url}
        bot = container.provisioned(subject, container.OWNED, platform=platform, folder=Path(name))
        bot.start()
        try:
            return _talk(bot, telegram, router)
        finally:
            if bot.is_up():
                bot.end(signal.SIGKILL)
            router.close()
            telegram.close()


def _talk(bot: container.Container, telegram: Talk, router: fakes.FakeRouter) -> int:
    telegram.until(bot, "poll.started", 1)
    telegram.ask("Let me in", user=STRANGER)
    telegram.until(bot, "user.denied", 1)
    router.pieces, router.pause = BEES, 0.5
    telegram.ask("How do bees find home?")
    telegram.until(bot, "message.answered", 1)
    router.pieces = NIGHT
    telegram.ask("And at night?")
    telegram.until(bot, "message.answered", 2)
    router.pieces, end, router.end = NIGHT[:1], router.end, BROKEN
    telegram.ask("Why?")
    telegram.wait_for(lambda: "broke off" in telegram.shown()[-1])
    telegram.logged()
    router.end, router.pieces = end, ["word " * 1500]
    telegram.ask("Tell me everything")
    telegram.until(bot, "message.answered", 3)
    telegram.ask("/reset")
    telegram.ask("/ping")
    telegram.wait_for(lambda: "pong" in telegram.shown())
    telegram.tell("health", f"exit code {bot.health()}, {bot.heartbeat()['state']}")
    router.pieces = PLAN
    telegram.ask("Who sleeps first?")
    telegram.wait_for(lambda: len(router.requests) == 5)
    telegram.tell("container", "SIGTERM")
    code = bot.end()
    telegram.logged()
    telegram.tell("container", f"exit code {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
