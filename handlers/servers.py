"""The servers that stacks may be on: what staff wrote of them, what Coolify says, and the disk report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import anyio
import anyio.to_thread

from handlers import records
from handlers.amounts import GIGABYTE, Demand
from handlers.eyes import Eyes
from handlers.placement import Server
from handlers.recorder import new_id
from listener import contract
from listener.dockerwatch import disk
from listener.pocketbase.writer import Write, Writer

COLLECTION = "servers"

SEED: Mapping[str, Any] = {
    "is_default": True,
    "cpus": 12,
    "memory_mb": 31 * GIGABYTE,
    "disk_gb": 24,
    "reserve_cpus": 3,
    "reserve_memory_mb": 9 * GIGABYTE,
    "reserve_disk_gb": 12,
    "cpu_overcommit": 4,
    "memory_overcommit": 1.3,
    "disk_overcommit": 3,
    "note": (
        "Written when the listener first ran; correct the figures. Reserves are for system, Coolify, other "
        "projects, images, and the space that stays free. Empty or 0 = no limit."
    ),
}
"""The default server's row where nobody wrote one: a host of 12 cores, 31 GB and 24 GB of free disk."""

FREE_MB = 8 * GIGABYTE
"""Less free disk than this, and nothing new that stores data is started."""


def known(eyes: Eyes) -> dict[str, Server]:
    """By uuid, every server that a row or the settings name."""
    default = eyes.site.server_uuid
    rows = {default: records.ServerRecord(id="", uuid=default, is_default=True)}
    rows |= eyes.servers
    return {uuid: _server(eyes, row) for uuid, row in rows.items()}


def foreign(eyes: Eyes) -> dict[str, Demand]:
    """By server, what is booked for services that are not ours."""
    ours = {row.service_uuid for row in eyes.ledger.rows(records.STACKS)}
    seen = eyes.view.snapshot.services.values()
    counts = Counter(one.server_uuid for one in seen if one.uuid not in ours)
    each = {uuid: row.foreign_memory_mb for uuid, row in eyes.servers.items() if row.foreign_memory_mb}
    return {
        uuid: Demand(memory_mb=count * each[uuid], planned_mb=count * each[uuid])
        for uuid, count in counts.items()
        if uuid in each
    }


def _server(eyes: Eyes, row: records.ServerRecord) -> Server:
    seen = eyes.view.snapshot.servers.get(row.uuid)
    is_here = row.uuid == eyes.site.server_uuid
    report = eyes.disk if is_here and eyes.disk and eyes.disk.is_fresh(eyes.now()) else None
    return Server(
        uuid=row.uuid,
        name=row.name or (seen.name if seen else row.uuid),
        cpus=max(0.0, row.cpus - row.reserve_cpus),
        memory_mb=max(0, row.memory_mb - row.reserve_memory_mb),
        disk_mb=int(max(0.0, row.disk_gb - row.reserve_disk_gb) * GIGABYTE),
        cpu_overcommit=row.cpu_overcommit or 1.0,
        memory_overcommit=row.memory_overcommit or 1.0,
        disk_overcommit=row.disk_overcommit or 1.0,
        is_disk_known=report is not None,
        is_disk_low=report is not None and report.free_mb < FREE_MB,
        drains=row.drain,
        tiers=frozenset(row.tiers if isinstance(row.tiers, list) else ()),
        dedicated_to=row.dedicated_to,
        is_default=row.is_default or is_here,
        is_swarm=bool(seen and seen.is_swarm),
        cores=row.cpus,
    )


class Keeper:
    """Keeps what is known of the default server: its row in `servers`, and how full its disk is.

    `report` reads the last measurement; `gate` names the reasons against writing just now.
    """

    def __init__(
        self,
        *,
        eyes: Eyes,
        writer: Writer,
        gate: Callable[[], Sequence[str]],
        report: Callable[[], disk.Report | None],
    ) -> None:
        self._eyes = eyes
        self._writer = writer
        self._gate = gate
        self._report = report
        self._is_there = False

    def interval(self) -> float:
        """Seconds to the next round: few until the row is there."""
        waits = self._eyes.site.waits
        return waits.poll if self._is_there else waits.poll_busy

    async def round(self) -> Iterable[contract.Key]:
        """The report is the newest, and the row exists. No key has to be looked at for it."""
        self._eyes.disk = await anyio.to_thread.run_sync(self._report)
        if self._is_there or self._gate():
            return ()
        uuid = self._eyes.site.server_uuid
        await self._eyes.read_tiers()
        if uuid not in self._eyes.servers:
            seen = self._eyes.view.snapshot.servers.get(uuid)
            body = {"uuid": uuid, "name": seen.name if seen else "", **SEED}
            await self._writer.commit([Write("POST", COLLECTION, new_id(), body)])
            await self._eyes.read_tiers()
        self._is_there = True
        return ()
