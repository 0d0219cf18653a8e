"""Somebody who knows everything: records, ledger and Coolify as they are. What must never happen is noted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import httpx

from handlers import ledger, naming, records
from listener.coolify.view import Snapshot
from listener.sandbox.standin import standin, state
from tests.handlers.clock import Clock
from tests.machine import wire

SECRET = "s3cret-"
"""Every secret of every record begins so."""
STORING = ("base-llm", "openclaw-agent")
"""Templates with data; every tariff has backups."""
Row = dict[str, Any]


class Broken(AssertionError):
    """Something that must never happen has happened."""


class Actor(Protocol):
    """The process whose turn it is."""

    @property
    def snapshot(self) -> Snapshot:
        """Its list of Coolify."""
        ...

    @property
    def leads(self) -> bool:
        """It holds the lease."""
        ...


@dataclass
class Witness:
    """The truth about every record, and the claims that were broken."""

    coolify: standin.StandIn
    clock: Clock
    inst: str
    confirm: float
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    """By collection and id, as PocketBase holds them."""
    broken: list[str] = field(default_factory=list)
    foreign: dict[str, object] = field(default_factory=dict)
    """What is not ours: uuid -> all that can be seen of it."""
    adoptions: set[str] = field(default_factory=set)
    """Services that staff gave to a stack."""
    purges: set[str] = field(default_factory=set)
    """Stacks whose retention staff ended."""
    edited: dict[str, float] = field(default_factory=dict)
    """When a service's description was edited by hand."""
    shown_up: dict[str, float] = field(default_factory=dict)
    """Since when a list would show the service as running."""
    announced: dict[str, float] = field(default_factory=dict)
    restarts: dict[str, tuple[float, int]] = field(default_factory=dict)
    """When we last asked for a restart, and how often it had come up by then."""
    is_blind: bool = False
    """The token to PocketBase is dead."""
    writes: int = 0
    acts: int = 0

    def claim(self, holds: object, name: str, *facts: object) -> None:
        """It is noted when the claim does not hold."""
        if not holds:
            self.broken.append(" ".join([name, *map(str, facts)]))

    def of(self, collection: str) -> dict[str, Row]:
        """The rows of a collection."""
        return self.rows.setdefault(collection, {})

    def told(self, collection: str, record_id: str, row: Row | None) -> None:
        """The row is this now; None = deleted, with the stacks of a tenant."""
        if row is not None:
            self.of(collection)[record_id] = row
            return
        self.of(collection).pop(record_id, None)
        if collection == records.TENANTS:
            stacks = self.of(records.STACKS)
            for one in [i for i, stack in stacks.items() if stack["tenant_id"] == record_id]:
                del stacks[one]

    def wish(self, stack: str) -> str:
        """What people want of it: running, suspended or deleted."""
        row = self.of(records.STACKS).get(stack)
        if row is None or row["desired_state"] == "deleted":
            return "deleted"
        tenant = self.of(records.TENANTS).get(row["tenant_id"], {})
        rests = row["hold"] or tenant.get("hold") or tenant.get("status") != "active"
        return "suspended" if rests or row["desired_state"] == "suspended" else "running"

    def known(self, stack: str) -> Row:
        """The ledger's row, or an empty one."""
        return self.of(ledger.COLLECTION).get(stack, {})

    def owner(self, uuid: str) -> str:
        """The stack whose ledger row names the service."""
        rows = self.of(ledger.COLLECTION).values()
        return next((str(row["id"]) for row in rows if row.get("service_uuid") == uuid), "")

    def service(self, uuid: str) -> state.Service | None:
        """The live service."""
        return next((one for one in self.coolify.world.services if one.uuid == uuid), None)

    def marker(self, stack: str) -> str:
        """What the stack's service must carry."""
        tenant = self.known(stack).get("tenant_id") or self.of(records.STACKS)[stack]["tenant_id"]
        return str(naming.Marker(self.inst, tenant, stack))

    def made(self, stack: str) -> list[state.Service]:
        """Services that carry the stack's marker and are no foreign copies."""
        wanted = f"inst={self.inst} stack={stack} "
        return [
            one
            for one in self.coolify.world.services
            if wanted in one.description and one.uuid not in self.foreign
        ]

    def look(self) -> None:
        """What runs since when, as a list would show it."""
        now = self.clock.seconds
        for one in self.coolify.world.services:
            if any(part.runs and part.status.startswith("running") for part in one.parts):
                self.shown_up.setdefault(one.uuid, now)
            else:
                self.shown_up.pop(one.uuid, None)

    def guard(self) -> None:
        """What holds after every step holds."""
        for stack in {row["id"] for row in self.of(ledger.COLLECTION).values()}:
            self.claim(len(self.made(stack)) <= 1, "two services for one record", stack)
        for uuid, before in self.foreign.items():
            one = self.service(uuid)
            self.claim(
                one and fingerprint(one) == before, "something foreign was touched", uuid, self.owner(uuid)
            )
        others = [one.name for one in self.coolify.world.projects if one.team is not self.coolify.team]
        self.claim(others == [], "a project in another team", others)
        if self.broken:
            raise Broken(self.broken[0])

    def hears(self, text: str, where: str) -> None:
        """No secret is in it."""
        self.claim(SECRET not in text, f"a secret in {where}", text[:400] if SECRET in text else "")

    def written(self, request: httpx.Request, answer: httpx.Response) -> None:
        """PocketBase has kept a batch: each row of it is compared with the truth."""
        self.hears(request.content.decode(), "a write")
        if answer.status_code != 200:
            return
        self.writes += 1
        for (method, collection, record_id, body), kept in zip(
            wire.items(request), answer.json(), strict=True
        ):
            before = self.of(collection).get(record_id, {})
            self.told(collection, record_id, None if method == "DELETE" else kept["body"])
            if collection == ledger.COLLECTION:
                self._remembered(record_id, before, body)

    def shown(self, request: httpx.Request, actor: Actor) -> None:
        """What a batch that is about to be kept shows on records is true."""
        for _, collection, record_id, body in wire.items(request):
            if collection != records.STACKS or body.get("status") != "suspended":
                continue
            uuid = str(self.known(record_id).get("service_uuid") or "")
            since = self.shown_up.get(uuid)
            lied = since is not None and actor.snapshot.listed_at(self.coolify.server.uuid) > since
            closed = not self.known(record_id).get("start_open")
            self.claim(not (lied and closed and uuid), "suspended is shown while it runs", record_id)

    def _remembered(self, stack: str, before: Row, body: Row) -> None:
        row = self.known(stack)
        now = self.clock.seconds
        uuid = str(row.get("service_uuid") or "")
        live = self.service(uuid)
        if body.get("blocked", "").startswith("SERVICE_MISSING"):
            self.claim(live is None, "a service that is there is called missing", stack)
        if body.get("blocked", "").startswith("SERVICE_FOREIGN"):
            ours = live is not None and live.description == self.marker(stack) and uuid not in self.edited
            self.claim(not ours, "a service of ours is called foreign", stack)
        if body.get("stage") == "closed" and uuid:
            self.claim(live is None, "closed while its service is there", stack)
        if body.get("purge_announced"):
            self.announced[stack] = now
        if body.get("deletion_seen") and not before.get("deletion_seen"):
            self.claim(self.wish(stack) == "deleted", "a deletion that nobody asked for", stack)
        if before.get("start_open") and body.get("start_open") is False and live is not None:
            at, ups = self.restarts.get(uuid, (now - self.confirm, 0))
            runs = any(part.runs for part in live.parts)
            early = runs and live.ups <= ups and now - at < min(self.confirm, 100.0)
            self.claim(
                not early or self.wish(stack) != "running",
                "a restart is believed at once",
                stack,
                now - at,
                ups,
                body,
                live.status,
            )
        if (body.get("intent") or {}).get("what") == "delete" and row.get("kind") == records.STACKS:
            self._ending(stack, row, live)

    def _ending(self, stack: str, row: Row, live: state.Service | None) -> None:
        """The DELETE of a service may begin."""
        now = self.clock.seconds
        self.claim(self.wish(stack) == "deleted", "a DELETE that nobody asked for", stack)
        self.claim(now - self.announced.get(stack, now) >= 3599, "a DELETE without the hour", stack)
        seen = ledger.LedgerRow.read(row).deletion_seen
        over = seen is not None and self.clock.now() - seen >= timedelta(days=30)
        self.claim(over or stack in self.purges, "a DELETE without retention", stack)
        made = row.get("applied_spec") or {}
        is_free = made.get("last_copy") or made.get("copy_waived") or made.get("orphan")
        is_kept = row.get("template") in STORING
        self.claim(is_free or not is_kept, "a DELETE without a proven copy", stack)
        runs = live is not None and any(part.runs for part in live.parts)
        self.claim(not runs or live is None or live.uuid in self.shown_up, "a DELETE of what runs", stack)


def fingerprint(one: state.Service) -> object:
    """All that can be seen of a service that is not ours."""
    values = [(row.key, row.value) for row in one.variables]
    parts = [
        (part.name, part.image, part.fqdn, part.runs, part.status, str(part.extra)) for part in one.parts
    ]
    storages = [(row.name, row.mount_path, str(row.schedule)) for row in one.storages]
    texts = (one.name, one.description, one.raw, one.compose, one.environment.uuid, one.server.uuid)
    return json.dumps([texts, values, parts, storages, one.ups, one.starting, str(one.deletions), one.tags])
