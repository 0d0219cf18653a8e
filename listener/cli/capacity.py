"""The books of the servers: what they have, what is held, what would fit, who waits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from handlers import demand, placement, records, servers
from handlers.amounts import NOTHING, Demand, missing, size
from handlers.books import Books
from handlers.eyes import Eyes
from listener import errors
from listener.cli import idle, reach, rows, show
from listener.cli.exits import Exit
from listener.compose.catalog import Catalog
from listener.dockerwatch import disk
from listener.settings import Settings

MOST = 1000
"""More of one template are not counted."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """One stack in line."""

    place: int
    name: str
    server: str
    lacks: str


def capacity(*, as_json: bool) -> Exit:
    """Everything printed; nothing is written anywhere."""
    return reach.run(partial(_capacity, as_json))


def measure(folder: Path, file: Path | None) -> Exit:
    """The file holds a report of now. Raises `DISK_NOT_MEASURED` where the folder cannot be read."""
    target = file or Path(
        os.environ.get("LISTENER_DISK_FILE") or Settings.model_fields["listener_disk_file"].default
    )
    try:
        report = disk.measure(folder)
        disk.write(report, target)
    except OSError as error:
        raise errors.Refusal(
            "DISK_NOT_MEASURED",
            "The disk could not be measured.",
            what="the volumes could not be measured, or the report not be written",
            why=f"{error.strerror}: {error.filename}",
            fix="run it as root on the host of Coolify's server; --dir and --file name other places",
        ) from error
    show.line(
        f"{len(report.volumes)} volumes, {size(report.free_mb)} of {size(report.total_mb)} free: {target}"
    )
    return Exit.DONE


async def _capacity(as_json: bool) -> Exit:
    async with idle.ready() as here:
        eyes, books = here.app.eyes, here.app.stacks.books
        await eyes.view.renew()
        settings = here.settings
        eyes.disk = disk.read(settings.listener_disk_file)
        await books.ready()
        names = {one.id: one.name for one in await rows.stacks(here.database)}
        waiting = waiters(books, names)
        table = [_row(eyes, books, one) for one in servers.known(eyes).values()]
        room = would_fit(eyes, books, here.app.catalog)
    if as_json:
        show.as_json({"servers": table, "would_fit": room, "waiting": [vars_of(one) for one in waiting]})
        return Exit.DONE
    show.columns(table)
    print()
    show.columns(room)
    print()
    tell_waiting(waiting)
    return Exit.DONE


def waiters(books: Books, names: Mapping[str, str]) -> list[Waiter]:
    """Who waits for room, first in line first."""
    found = [
        Waiter(place.place, names.get(one, one), place.server, missing(place.lacks))
        if isinstance(place, placement.Queued)
        else Waiter(0, names.get(one, one), "no server is large enough", missing(place.lacks))
        for one, place in books.waiting().items()
        if isinstance(place, placement.Queued | placement.TooSmall)
    ]
    return sorted(found, key=lambda one: (one.place, one.name))


def tell_waiting(found: list[Waiter]) -> None:
    """The line, or that there is none."""
    if not found:
        show.line("Nobody waits for room.")
        return
    show.columns([vars_of(one) for one in found])


def vars_of(one: Waiter) -> dict[str, Any]:
    """As a row."""
    return {"place": one.place, "stack": one.name, "server": one.server, "lacks": one.lacks}


def _row(eyes: Eyes, books: Books, server: placement.Server) -> dict[str, Any]:
    held, most = books.booked().get(server.uuid, NOTHING), server.promised
    ours = [row for row in eyes.ledger.rows(records.STACKS) if row.server_uuid == server.uuid]
    here = [one for one in eyes.view.snapshot.services.values() if one.server_uuid == server.uuid]
    words = [word for word, is_so in (("draining", server.drains), ("Swarm", server.is_swarm)) if is_so]
    return {
        "server": server.name,
        "state": ", ".join(words) or "takes stacks",
        "stacks": sum(bool(row.service_uuid) and row.stage not in ("retained", "closed") for row in ours),
        "foreign": len([one for one in here if one.uuid not in {row.service_uuid for row in ours}]),
        "cores": f"{held.cpus:g} of {_of(most.cpus, '{:g}'.format)}",
        "memory": f"{size(held.memory_mb)} of {_of(most.memory_mb, size)}",
        "planned": f"{size(held.planned_mb)} of {_of(most.planned_mb, size)}",
        "disk": f"{size(held.disk_mb)} of {_of(most.disk_mb, size)}",
        "free disk": _free(eyes, server),
    }


def _free(eyes: Eyes, server: placement.Server) -> str:
    if server.uuid != eyes.site.server_uuid or eyes.disk is None:
        return "not measured"
    return size(eyes.disk.free_mb) + ("" if server.is_disk_known else ", measured too long ago")


def _of(amount: float, text: Any) -> str:
    return str(text(amount)) if amount else "no limit"


def would_fit(eyes: Eyes, books: Books, catalog: Catalog) -> list[dict[str, Any]]:
    """By template and tier, how many more would fit on the shared servers if nothing else were made.

    Empty for a tier that never comes to a shared one.
    """
    booked = books.booked()
    found = []
    for slug in catalog.slugs():
        template = catalog.get(slug)
        row: dict[str, Any] = {"template": slug}
        for tier_id, tier in eyes.tiers.items():
            record = records.StackRecord(id="", template=slug)
            need = demand.tried(template.manifest if template else None, record, tier_id, tier)
            where = [one for one in servers.known(eyes).values() if _takes(one, tier_id)]
            row[tier_id] = "" if need is None or tier.dedicated else _count(where, booked, need)
        found.append(row)
    return found


def _takes(server: placement.Server, tier: str) -> bool:
    is_shared = not (server.drains or server.is_swarm or server.dedicated_to)
    return is_shared and (not server.tiers or tier in server.tiers)


def _count(where: list[placement.Server], booked: Mapping[str, Demand], need: Demand) -> str:
    count = 0
    for server in where:
        held = booked.get(server.uuid, NOTHING)
        while server.lacks(held, need) == NOTHING and count < MOST:
            held += need
            count += 1
    return f"{MOST}+" if count >= MOST else str(count)
