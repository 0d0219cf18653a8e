"""Serves the stand-in on loopback: `python -m listener.sandbox.standin --port 8000 --token T --knob k=v`."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

import uvicorn

from listener.sandbox.standin.knobs import Knobs
from listener.sandbox.standin.standin import TOKEN, StandIn

GRACE = 1
"""Seconds in which a request may still be answered when it is ended."""


def main() -> None:
    """Runs until it is interrupted, by SIGTERM too; with `--keep` the next one goes on where it ended."""
    parser = argparse.ArgumentParser(prog="standin", description="STAND-IN, not Coolify")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--guest", default="", help="token of a second user of the team")
    parser.add_argument("--server", default="", help="uuid of the server")
    parser.add_argument("--keep", type=Path, help="file that keeps what exists over a restart")
    parser.add_argument("--knob", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    turned = Knobs()
    turned.turn(dict(pair.split("=", 1) for pair in given.knob))
    standin = StandIn(token=given.token, server_uuid=given.server, turned=turned)
    if given.guest:
        standin.world.add_token(given.guest, standin.world.add_user(standin.team))
    if given.keep and given.keep.exists():
        standin.load(given.keep)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"STAND-IN, not Coolify: http://127.0.0.1:{given.port} server {standin.server.uuid}", flush=True)
    uvicorn.run(
        standin.app,
        host="127.0.0.1",
        port=given.port,
        log_level="critical",
        access_log=False,
        date_header=False,  # the app tells its own time, which may be wrong on purpose
        timeout_graceful_shutdown=GRACE,
    )
    if given.keep:
        standin.save(given.keep)


if __name__ == "__main__":
    main()
