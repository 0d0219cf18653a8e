"""`cloudfreedom pause` and `unpause`: for a while the listener reads, and does nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from handlers import eyes, pause
from listener import errors
from listener.cli import audit, configured, lease, reach, show, spans
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase
from listener.pocketbase.writer import Write


def begin(reason: str, until: str) -> Exit:
    """`listener_meta` says until when nothing is done and why; the audit, who said so."""
    wanted = configured.load(configured.Database)
    zone = ZoneInfo(wanted.listener_tz)
    asked = pause.Pause(moment(until, datetime.now(UTC), zone), _signed(reason))
    reach.run(partial(_write, wanted, asked, "listener.pause"))
    show.line(f"Paused {told(asked, zone)}. Records and Coolify are read on, nothing is done.")
    return Exit.DONE


def end() -> Exit:
    """`listener_meta` names no pause."""
    wanted = configured.load(configured.Database)
    before = reach.run(partial(_write, wanted, pause.Pause(), "listener.unpause"))
    is_paused = before.holds(datetime.now(UTC))
    show.line("Not paused any more: what was withheld is done now." if is_paused else "There was no pause.")
    return Exit.DONE


def told(asked: pause.Pause, zone: ZoneInfo) -> str:
    """Until when and why, for people."""
    assert asked.until is not None
    return f"until {asked.until.astimezone(zone):%Y-%m-%d %H:%M %Z}: {asked.reason}"


def moment(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """A span from now on (`30m`, `4h`, `2d`), or a time in the site's zone; raises `UNTIL_UNFIT`."""
    try:
        found = now + spans.read(text) if spans.is_span(text) else datetime.fromisoformat(text)
    except ValueError:
        raise _unfit(text, "it is neither a span nor a time") from None
    found = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    if not now < found <= now + timedelta(days=pause.LONGEST_DAYS):
        raise _unfit(text, f"a pause ends in the future, and within {pause.LONGEST_DAYS} days")
    return found


async def _write(wanted: configured.Database, asked: pause.Pause, verb: str) -> pause.Pause:
    """What was before it. Nothing is written where there is nothing to end."""
    async with reach.database(wanted) as known:
        before = await read(known)
        if asked.until is None and before.until is None:
            return before
        said = audit.line(verb, reason=asked.reason)
        await reach.writer(known).commit([Write("PATCH", eyes.META, "main", asked.fields()), said])
        held = await lease.read(known)
        if not held.is_led:
            show.line(f"! {held}")
        return before


async def read(known: PocketBase) -> pause.Pause:
    """The pause that `listener_meta` names."""
    return pause.of(await known.get(eyes.META, "main") or {})


def _signed(reason: str) -> str:
    return f"{reason} ({audit.actor()})"


def _unfit(text: str, why: str) -> errors.Terminal:
    return errors.Terminal(
        "UNTIL_UNFIT",
        f"{text!r} is no end of a pause",
        why=why,
        fix="give --until 30m, 4h, 2d, or a time such as 2030-01-31T18:00",
    )
