"""How a soak ends: nothing goes wrong any more, and within a bounded time everything is as it is wanted."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Awaitable, Callable, Iterator

import anyio

from listener.sandbox import people
from tests.cli.commands import cloudfreedom
from tests.soak.backup import accept_what_was_restored
from tests.soak.place import PLANTED, Place
from tests.soak.saves import RETAINED, approve_what_waits, lift_blocks
from tests.soak.sight import Row, Sight, owner, runs

SECONDS = 240.0
"""Until all must be as wanted: a start that Coolify lost is noticed at its template's deadline."""
APPROVALS = 5.0
"""Seconds between two looks of the operator."""
SECRET_SETTINGS = ("POCKETBASE_PASSWORD", "COOLIFY_TOKEN", "LISTENER_SECRETS_KEY")


async def restored(place: Place) -> None:
    """No fault is left, and everything runs."""
    for daemon in place.daemons:
        proxy = daemon.proxy
        proxy.faults.clear()
        proxy.slow = proxy.skew = 0.0
        await proxy.refuse()
        await proxy.open()
    if place.world.pocketbase.pid is None:
        await place.world.pocketbase.start()
    if place.world.coolify.pid is None:
        await place.world.coolify.start()
    await people.ask(place.standin, "DELETE", "/_standin/faults")
    await people.ask(place.standin, "DELETE", "/_standin/jobs/faults")
    await place.turn()


async def converged(
    sight: Sight, look: Callable[[], Awaitable[bool]], *, seconds: float = SECONDS
) -> tuple[float, list[str]]:
    """How long it took until all was as wanted, and what is not after so many seconds.

    `look` renews the sight, and is false when a side is down.
    """
    began = approved = time.monotonic()
    while True:
        wrong = sorted(unlike(sight)) if await look() else ["a side is down"]
        took = time.monotonic() - began
        if not wrong or took > seconds:
            return took, wrong
        if time.monotonic() - approved > APPROVALS:
            approved = time.monotonic()
            await approve_what_waits(sight.place, random.Random(0))
            await lift_blocks(sight.place)
            await accept_what_was_restored(sight.place)
        await anyio.sleep(0.5)


def unlike(sight: Sight) -> Iterator[str]:
    """What is not as it is wanted, or not as it is shown."""
    services = {stack: one for stack, one in sight.of_ours() if not one["deleted"]}
    for stack in sight.place.stacks:
        if not _is_orphan(sight, stack) and (told := _unlike(sight, stack, services.get(stack))):
            row = sight.records.get(stack, {})
            yield f"{stack} {told}: {row.get('status')} · {row.get('message')} · {row.get('error_message')}"
    for stack in services:
        if stack not in sight.ledger:
            yield f"{stack} has a service that the ledger does not know"


def _is_orphan(sight: Sight, stack: str) -> bool:
    """Younger than the copy that PocketBase was put back to: it runs on for a day."""
    known = sight.ledger.get(stack)
    return stack not in sight.records and known is not None and "orphan" in (known["applied_spec"] or {})


def _unlike(sight: Sight, stack: str, service: Row | None) -> str:
    row, known, wish = sight.records.get(stack), sight.ledger.get(stack), sight.wish(stack)
    shown, running = row["status"] if row else "", service is not None and runs(service)
    is_due = known and known["stage"] == "retained" and known["purge_announced"]
    if known and (known["intent"] or is_due):
        return f"has something open: {known['intent'] or 'a purge'}"
    if known and known["stage"] == "closed":
        wish = "deleted"
    if running is not (wish == "running"):
        return f"is wanted {wish}, and its containers do not agree"
    if row is not None and shown != wish:
        return f"is wanted {wish}"
    if row is None and known and known["service_uuid"] and known["stage"] not in RETAINED:
        return "has no record, and is not kept for good"
    if row is not None and service is not None and row["coolify_service_uuid"] != service["uuid"]:
        return "shows another service"
    return ""


async def values_differ(sight: Sight) -> list[str]:
    """Stacks that run with other variables than their records say."""
    wrong = []
    for stack, service in sight.of_ours():
        row = sight.records.get(stack)
        if service["deleted"] or row is None or sight.wish(stack) != "running":
            continue
        found = await sight.place.coolify("GET", f"/services/{service['uuid']}/envs")
        values = {one["key"]: one["value"] for one in found}
        asked = {name: row["config"]["env_vars"].get(name) for name in ("MODEL", "TELEGRAM_BOT_TOKEN")}
        if any(value and values.get(name) != value for name, value in asked.items()):
            wrong.append(f"{stack} runs with other values than its record has")
    return wrong


async def still_differ(
    sight: Sight, look: Callable[[], Awaitable[bool]], *, seconds: float = 60.0
) -> list[str]:
    """Stacks that run with other variables than their records say, after so many seconds.

    What a put-back PocketBase forgot is compared first.
    """
    began = time.monotonic()
    while (wrong := await values_differ(sight)) and time.monotonic() - began < seconds:
        await anyio.sleep(2.0)
        await look()
    return wrong


async def planned(place: Place, *, seconds: float = 60.0) -> list[str]:
    """What `cloudfreedom plan` still would do once that is nothing, or after so many seconds.

    An orphan waits for a day: that is no deed.
    """
    began = time.monotonic()
    while True:
        done = await cloudfreedom({**place.world.env, **place.templates}, "plan", "--json")
        found = [one for one in json.loads(done.out)["stacks"] if one["kind"]]
        left = [str(one) for one in found if not one["text"].startswith("no record and it runs")]
        if not left or time.monotonic() - began > seconds:
            return left
        await anyio.sleep(2.0)


async def foreign_changed(place: Place) -> list[str]:
    """Services of others that are not what they were, as the API shows them."""
    return [
        uuid for uuid, was in place.foreign.items() if await place.coolify("GET", f"/services/{uuid}") != was
    ]


def secrets_logged(place: Place) -> list[str]:
    """Secrets that a daemon's log holds, by where they are from."""
    hidden = {PLANTED: PLANTED}
    for daemon in place.daemons:
        hidden |= {f"{name} of {daemon.name}": daemon.env[name] for name in SECRET_SETTINGS}
    logs = {daemon.name: daemon.log.read_text(errors="replace") for daemon in place.daemons}
    return [f"{name} in {log}'s log" for log, text in logs.items() for name in hidden if hidden[name] in text]


def owners(sight: Sight) -> set[str]:
    """Stacks that have a service."""
    return {owner(one) for one in sight.services if not one["deleted"]} - {""}
