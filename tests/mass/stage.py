"""A fleet of running stacks, what is true of it on both sides, and what a mistake did to it meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from listener.pocketbase import hooks
from listener.sandbox import people
from tests.cli.commands import Done, cloudfreedom
from tests.faults import stage as stages
from tests.faults.stage import STACKS, Stage

AT_ONCE = 10
"""Creates in one batch: with the hooks on a busy machine fifty take longer than PocketBase's 3 s."""
MADE_ANEW = {"created", "updated", "last_deploy", "last_health_check", "listener_message"}
"""What a record that was made again, or was looked at meanwhile, has anew."""
STOP = "POST /services/{uuid}/stop"
BACK = {STOP, "PATCH /services/{uuid}/envs/bulk", "PATCH /services/{uuid}", "POST /services/{uuid}/restart"}
"""Deeds on a stack that was stopped and came back."""
LONG = 300.0
"""Seconds that something may take on all of a fleet, on a busy machine."""
TENANTS = "/api/collections/tenants/records"


@dataclass(frozen=True)
class Truth:
    """Everything that must be the same again: records by id, services by uuid, projects, volumes."""

    records: dict[str, Any] = field(repr=False)
    services: dict[str, Any] = field(repr=False)
    projects: list[Any]
    volumes: list[Any] = field(repr=False)


@dataclass(repr=False)
class Fleet(Stage):
    """A stage, and what is done to all of it at once."""

    @property
    def limit(self) -> int:
        """How many the brake lets go within an hour."""
        return max(3, len(self.made) // 20)

    async def used(self) -> set[str]:
        """Services that went before within this hour: they may go again, and take no more room for it."""
        went = [row for row in await self.ledger() if "deletion_stopped_at" in (row["applied_spec"] or {})]
        return {row["service_uuid"] for row in went}

    async def fleet_of(self, count: int, tenant_id: str = "") -> list[str]:
        """The ids of so many new stacks, which run; written in batches as an import would."""
        row = {
            "tenant_id": tenant_id or self.owner.tenant_id,
            "template": "telegram-bot",
            "status": "pending",
        }
        row |= {"desired_state": "running"}
        first = len(self.made)
        for start in range(first, first + count, AT_ONCE):
            bodies = [
                row | {"stack_name": f"bot-{number}", "config": {"env_vars": self.variables()}}
                for number in range(start, min(start + AT_ONCE, first + count))
            ]
            asked = [{"method": "POST", "url": STACKS, "body": body} for body in bodies]
            answers = await people.ask(self.admin, "POST", "/api/batch", {"requests": asked})
            self.made += [answer["body"]["id"] for answer in answers]
        ids = self.made[first:]
        await self.until_shown(ids, "running", seconds=LONG)
        return ids

    async def tenant(self, slug: str) -> str:
        """The id of a new tenant."""
        body = {"slug": slug, "name": slug.title(), "status": "active", "plan_tier": "team"}
        return str((await people.ask(self.admin, "POST", TENANTS, body))["id"])

    async def truth(self) -> Truth:
        """What is true now, of both sides; values of variables included."""
        state = await people.ask(self.standin, "GET", "/_standin/state")
        rows = {
            row["id"]: {name: value for name, value in row.items() if name not in MADE_ANEW}
            for collection in ("agent_stacks", "tenants")
            for row in await self.rows(collection)
        }
        services = {one["uuid"]: one for one in await self.services()}
        headers = {"Authorization": f"Bearer {self.world.env['COOLIFY_TOKEN']}", "Accept": "application/json"}
        for uuid, one in services.items():
            listed = await self.standin.get(f"/api/v1/services/{uuid}/envs", headers=headers)
            one["values"] = {row["key"]: row["value"] for row in listed.json()}
            del one["ups"]
        return Truth(rows, services, state["projects"], [one["volumes"] for one in state["servers"]])

    async def cloudfreedom(self, *words: str) -> Done:
        """The command as staff types it beside the daemon."""
        return await cloudfreedom({**self.world.env, "POCKETBASE_URL": self.world.pocketbase.url}, *words)

    async def forget_calls(self) -> None:
        """Calls are counted from here."""
        await people.ask(self.standin, "DELETE", "/_standin/calls")

    async def effects(self) -> dict[str, Counter[str]]:
        """By the uuid that is named in the call, or "": the deeds since `forget_calls`."""
        found: dict[str, Counter[str]] = {}
        for method in ("POST", "PATCH", "DELETE"):
            for call in await people.ask(self.standin, "GET", f"/_standin/calls?method={method}"):
                parts = call["path"].strip("/").split("/")
                uuid = parts[parts.index("services") + 1] if "services" in parts[:-1] else ""
                found.setdefault(uuid, Counter())[f"{method} {call['route']}"] += 1
        return found

    async def ledger(self) -> list[Any]:
        """The listener's ledger of stacks."""
        return [row for row in await self.rows("listener_ledger") if row["kind"] == "agent_stacks"]


@asynccontextmanager
async def opened(folder: Path, *, hooked: bool = True, daemon: bool = True) -> AsyncIterator[Fleet]:
    """A stage of one's own, with our hooks as the sandbox installs them, or without."""
    if hooked:
        hooks.install(folder / "pb_hooks", force=False)
    async with stages.opened(folder, daemon=daemon) as stage:
        yield Fleet(stage.world, stage.owner, stage.proxy)
