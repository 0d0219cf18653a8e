"""`cloudfreedom status --watch`: the same again and again, until Ctrl-C."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import anyio

from listener.cli import away, configured, listing, reach, show

EVERY = 2.0
"""Seconds between two looks."""
HOME = "\x1b[H\x1b[J"
"""Back to the upper left corner of a terminal, and everything below cleared."""


def status(*, stack: str, as_json: bool) -> NoReturn:
    """On a terminal the whole picture; in a pipe what is new, a line each: JSON, or text.

    An upstream that is away is told and waited for. Ends with Ctrl-C only.
    """
    settings = configured.load(configured.Database)
    reach.run(partial(_watch, settings, stack, as_json))
    raise AssertionError("it is watched until it is cancelled")


async def _watch(settings: configured.Database, stack: str, as_json: bool) -> None:
    known: dict[str, str] = {}
    while True:
        now = datetime.now(ZoneInfo(settings.listener_tz))
        try:
            answer = await listing.how(settings, stack)
        except away.AWAY as error:
            _news(known, {"upstreams": {"error": f"{error.code}: {error.why or error.what}"}}, now, as_json)
        else:
            if sys.stdout.isatty() and not as_json:
                print(f"{HOME}{now:%Y-%m-%d %H:%M:%S %Z}   every {EVERY:.0f} s, Ctrl-C ends", flush=True)
                listing.tell(answer, stack=stack, as_json=False)
            else:
                _news(known, dict(_parts(answer)), now, as_json)
        await anyio.sleep(EVERY)


def _parts(answer: listing.Answer) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is told of the whole, and of each stack by its id."""
    led = answer.led
    yield "listener", {"leads": led.is_led, "holder": led.holder} if led else {"leads": None}
    yield "source", dict(answer.source.json())
    for one in answer.stacks:
        told = one.json()
        yield str(told["id"]), dict(told)


def _news(known: dict[str, str], parts: dict[str, dict[str, Any]], now: datetime, as_json: bool) -> None:
    for name, told in parts.items():
        text = json.dumps(told, ensure_ascii=False, sort_keys=True)
        if known.get(name) == text:
            continue
        known[name] = text
        if as_json:
            print(json.dumps({"at": now.astimezone(UTC).isoformat(), **told}, ensure_ascii=False), flush=True)
        else:
            show.line(f"{now:%H:%M:%S}  {_line(told)}")
    for name in [name for name in known if name not in parts]:
        del known[name]


def _line(told: dict[str, Any]) -> str:
    if "stack" not in told:
        return " ".join(f"{name}={value}" for name, value in told.items())
    words = (f"{told['tenant']}/{told['stack']}", told.get("wanted"), told["status"], told.get("health"))
    return "  ".join(f"{word or '-':<12}" for word in words) + str(told.get("message") or "")
