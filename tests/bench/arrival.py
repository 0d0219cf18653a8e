"""`python -m tests.bench.arrival [COUNT]`: a new tenant and its first stack, from the save to `running`.

Once with a Coolify that does everything at once, once with one as slow as production's; each with the waits
of the product.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import anyio

from listener.sandbox import people
from listener.sandbox.standin.knobs import LIKE_PRODUCTION
from tests.bench import measures, rig

COUNT = 20
TENANTS = "/api/collections/tenants/records"
LIMIT = 300.0
"""Seconds within which a new tenant must be up."""


async def arrivals(one: rig.Rig, count: int, pace: float) -> list[float]:
    """Seconds from a tenant's write to the moment its stack is shown as running; a new one each `pace`."""
    found: list[float] = []

    async def arrive(number: int) -> None:
        await anyio.sleep(number * pace)
        began, admin = time.monotonic(), one.world.admin
        body = {"name": f"Tenant {number}", "slug": f"new-{number}", "status": "active", "type": "demo"}
        tenant = (await people.ask(admin, "POST", TENANTS, body))["id"]
        env = {"TELEGRAM_BOT_TOKEN": people.bot_token(100 + number), "OPENAI_API_KEY": "sk-not-a-key"}
        row = {"tenant_id": tenant, "template": "telegram-bot", "stack_name": "bot", "status": "pending"}
        stack = (await people.ask(admin, "POST", rig.STACKS, row | {"config": {"env_vars": env}}))["id"]
        while (await people.ask(admin, "GET", f"{rig.STACKS}/{stack}"))["status"] != "running":
            await anyio.sleep(0.01 if pace < 1 else 0.25)
        found.append(time.monotonic() - began)

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(arrive, number)
    return found


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(count: int) -> None:
    """Both tables, printed."""
    modes: tuple[tuple[str, Mapping[str, float], float], ...] = (
        ("Coolify does everything at once", {"job_delay": 0, "start_seconds": 0, "sync_delay": 0}, 0.5),
        ("Coolify as slow as production's", LIKE_PRODUCTION, 5.0),
    )
    _tell("| from save to `running`, ms | p50 | p95 | p99 | max |\n|---|---|---|---|---|")
    for name, knobs, pace in modes:
        with tempfile.TemporaryDirectory() as folder:
            async with rig.opened(Path(folder)) as one:
                await people.ask(one.world.standin, "POST", "/_standin/knobs", dict(knobs))
                seconds = await arrivals(one, count, pace)
        _tell(f"| {name}, {count} tenants | {' | '.join(measures.spread(seconds))} |")
        assert max(seconds) < LIMIT


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if sys.argv[1:] else COUNT)
