"""`cloudfreedom alerts`: what is wrong, who looks after it, whom it is kept from for a while, and a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from handlers import eyes, status
from handlers.alerting import keeper, silences
from handlers.alerting.kinds import KINDS, fix
from listener import errors
from listener.alerts.channels import channels
from listener.alerts.message import Message, Notice
from listener.cli import audit, configured, listing, reach, rows, show, spans
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase, quoted
from listener.pocketbase.writer import Write

ALSO = ("kind", "key", "text", "acked", "tenant_id", "stack_id")
"""With JSON, beside `fix`."""
COLUMNS = ("id", "severity", "title", "raised", "cleared", "told", "acked_by")
SEVERE = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Quiet:
    """What is not to be told, and for how long."""

    span: str
    reason: str
    kind: str = ""
    tenant: str = ""
    stack: str = ""


def show_all(*, past: bool, as_json: bool) -> Exit:
    """Open alerts, worst first; with `past` also those that are over. FAILED while a critical one is open."""
    found = reach.run(partial(_read, past))
    if as_json:
        show.as_json(found)
    else:
        show.columns([{name: _short(one, name) for name in COLUMNS} for one in found])
        show.line(f"{sum(not one['cleared'] for one in found)} open.")
    return Exit.DONE


def ack(named: str) -> Exit:
    """A person looks after it; that is on the row."""
    row = reach.run(partial(_ack, named))
    show.line(f"{row['title']}: acknowledged by {audit.actor()}.")
    return Exit.DONE


def silence(wanted: Quiet) -> Exit:
    """Nobody is told of these alerts for a while; what is open then is told when it ends."""
    if wanted.kind and wanted.kind not in KINDS:
        raise errors.Terminal(
            "ALERT_KIND_UNKNOWN",
            f"there is no kind {wanted.kind!r}",
            why="a kind is what an alert's key begins with",
            fix=f"one of {', '.join(KINDS)}",
        )
    told = reach.run(partial(_silence, wanted))
    show.line(f"Silent until {told.until:%Y-%m-%d %H:%M} UTC. `cloudfreedom alerts unsilence` ends it.")
    return Exit.DONE


def unsilence() -> Exit:
    """Every silence ends."""
    count = reach.run(_unsilence)
    show.line(f"{count} silence{'' if count == 1 else 's'} ended.")
    return Exit.DONE


def test() -> Exit:
    """Each address is sent a test, and its answer told; FAILED when one did not accept it."""
    wanted = configured.load(configured.Database)
    found = channels(wanted.alert_addresses())
    if not found:
        raise errors.Terminal(
            "ALERT_URLS_MISSING",
            "no alert goes anywhere",
            why="ALERT_URLS is empty",
            fix="set it, then try again",
        )
    return reach.run(partial(_test, found, wanted.alert_sender))


async def _test(found: Sequence[Any], sender: str) -> Exit:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S UTC}"
    notice = Notice("test", "test", "test", "info", "raised", "test", f"sent by {audit.actor()}", now)
    code = Exit.DONE
    for channel in found:
        try:
            await channel.send(Message(sender, [notice]))
        except errors.Transient as error:
            show.line(f"! {channel.name}: {error.why}")
            code = Exit.FAILED
        else:
            show.line(f"{channel.name}: accepted")
    return code


async def _read(past: bool) -> list[dict[str, Any]]:
    async with reach.database(configured.load(configured.Database)) as known:
        condition = "" if past else "cleared=''"
        found = await known.list(keeper.COLLECTION, filter=condition)
    order = {name: number for number, name in enumerate(SEVERE)}
    return sorted(
        map(_told, found),
        key=lambda row: (bool(row["cleared"]), order.get(str(row["severity"]), 9), row["raised"]),
    )


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """An alert as it is listed; a kind of another version has no `fix`."""
    shown = {name: row.get(name) or "" for name in (*COLUMNS, *ALSO)}
    return shown | {"fix": fix(shown["kind"], shown["stack_id"]) if shown["kind"] in KINDS else ""}


async def _ack(named: str) -> Mapping[str, Any]:
    async with reach.database(configured.load(configured.Database)) as known:
        condition = f"id={quoted(named)} || (key={quoted(named)} && cleared='')"
        found = await known.list(keeper.COLLECTION, filter=condition)
        if not found:
            raise errors.Terminal(
                "ALERT_UNKNOWN",
                f"there is no alert {named!r}",
                why="no row has that id, and no open one that key",
                fix="`cloudfreedom alerts` shows ids, `--json` keys",
            )
        fields = {"acked": status.stamp(datetime.now(UTC)), "acked_by": audit.actor()}
        said = audit.line("alert.ack", reason=str(found[0]["title"]))
        await reach.writer(known).commit([Write("PATCH", keeper.COLLECTION, found[0]["id"], fields), said])
        return found[0]


async def _silence(wanted: Quiet) -> silences.Silence:
    async with reach.database(configured.load(configured.Database)) as known:
        now = datetime.now(UTC)
        stack = (await rows.pick(known, wanted.stack)).id if wanted.stack else ""
        tenant = await _tenant(known, wanted.tenant) if wanted.tenant else ""
        one = silences.Silence(now + spans.read(wanted.span), wanted.kind, tenant, stack, wanted.reason)
        before = silences.read(await known.get(eyes.META, "main") or {})
        kept = [*(old for old in before if old.until > now), one]
        await _write(known, kept, "alert.silence", wanted.reason)
        return one


async def _tenant(known: PocketBase, slug: str) -> str:
    found = await known.list("tenants", filter=f"slug={quoted(slug)}", fields="id")
    if not found:
        raise listing.unknown_tenant(slug)
    return str(found[0]["id"])


async def _unsilence() -> int:
    async with reach.database(configured.load(configured.Database)) as known:
        before = silences.read(await known.get(eyes.META, "main") or {})
        alive = sum(one.until > datetime.now(UTC) for one in before)
        if before:
            await _write(known, [], "alert.unsilence", "")
        return alive


async def _write(known: PocketBase, kept: Sequence[silences.Silence], verb: str, reason: str) -> None:
    body = {"silences": [one.json() for one in kept]}
    said = audit.line(verb, reason=reason)
    await reach.writer(known).commit([Write("PATCH", eyes.META, "main", body), said])


def _short(row: Mapping[str, Any], name: str) -> str:
    text = str(row[name])
    return text[:16] if name in ("raised", "cleared", "told") else text
