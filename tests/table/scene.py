"""`Scene`: a stage whose daemon speaks through gates, and crowds of people who write records."""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx

from listener import errors
from listener.sandbox import people
from tests.crashpoints import place as places
from tests.crashpoints.gate import Gate, Judge
from tests.faults.stage import Stage
from tests.table import counts

WRITERS = 16
RETRY = 0.1
"""Seconds after which somebody whose save got no answer presses the button again."""
TIERS = "/api/collections/plan_tiers/records"
ACCOUNT = "/api/collections/listeners/records"


@dataclass
class Scene:
    """A stage, the gates before both sides, and the seed of all that is random."""

    stage: Stage
    dice: random.Random
    gates: tuple[Gate, ...] = ()
    """Before PocketBase and before Coolify."""
    writes: int = 0
    """How often `mixed` has written."""

    @property
    def database(self) -> Gate:
        """The gate before PocketBase."""
        return self.gates[0]

    @property
    def coolify(self) -> Gate:
        """The gate before Coolify."""
        return self.gates[1]

    def judge(self, judge: Judge) -> None:
        """Both gates ask this judge from now on."""
        for gate in self.gates:
            gate.judge = judge

    async def unlimited(self) -> None:
        """No tier limits a tenant."""
        for row in await self.stage.rows("plan_tiers"):
            free = dict.fromkeys(("max_stacks", "memory_pool_mb", "cpu_pool"), 0)
            await people.ask(self.stage.admin, "PATCH", f"{TIERS}/{row['id']}", free)

    async def burst(self, count: int) -> None:
        """So many stacks are written at once; whoever gets no answer tries again."""
        limit = anyio.CapacityLimiter(WRITERS)

        async def one() -> None:
            async with limit:
                await self._written(secrets.token_hex(8)[:15])

        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                tasks.start_soon(one)

    async def provisioned(self, count: int) -> None:
        """So many stacks run, and nothing is under way."""
        await self.burst(count)
        await self.stage.until_shown(self.stage.made, "running", seconds=counts.SECONDS)

    async def mixed(self, ids: Sequence[str]) -> None:
        """Somebody edits, suspends, resumes or restarts one of these stacks."""
        record = await self.stage.record(self.dice.choice(ids))
        variables = {**record["config"]["env_vars"], "MODEL": f"model-{self.dice.randrange(1000)}"}
        deeds: list[dict[str, Any]] = [
            {"config": {"env_vars": variables}},
            {"desired_state": "suspended"},
            {"desired_state": "running"},
            {"action": "restart"},
        ]
        await self.stage.change(record["id"], **self.dice.choice(deeds))
        self.writes += 1

    async def overwrite(self, record: dict[str, Any]) -> None:
        """A form that was opened long ago is saved: the listener's fields are as they were then."""
        old = ("status", "health", "message", "coolify_service_uuid", "coolify_project_uuid")
        await self.stage.change(record["id"], **{name: record[name] for name in old})

    async def password(self, password: str) -> None:
        """The listener's account has it, and every token of it is dead."""
        (row,) = [row for row in await self.stage.rows("listeners") if row["username"] == "listener"]
        body = {"password": password, "passwordConfirm": password}
        await people.ask(self.stage.admin, "PATCH", f"{ACCOUNT}/{row['id']}", body)

    async def _written(self, record_id: str) -> None:
        while True:
            try:
                await self.stage.create(id=record_id)
            except httpx.TransportError:
                await anyio.sleep(RETRY)
                continue
            except errors.UpstreamRefusal as refusal:
                if "validation_not_unique" not in refusal.why:
                    raise
                self.stage.made.append(record_id)
            return


@asynccontextmanager
async def opened(folder: Path, *, seed: int = 1, **env: str) -> AsyncIterator[Scene]:
    """A scene whose daemon is ready and whose tenants have no quota; `env` are settings of the daemon."""
    async with places.gated(folder, env=env) as (stage, database, coolify):
        on = Scene(stage, random.Random(seed), (database, coolify))
        await on.unlimited()
        await stage.world.start_daemon()
        yield on
