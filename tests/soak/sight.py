"""`Sight`: both sides and the daemons as they were in one moment, and what was seen before."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from listener.sandbox import people
from tests.soak.place import Place

OWNER = re.compile(r"\bstack=(\w+) ")
LAST_SERVICE = re.compile(r"/services/([a-z0-9]{24})(/\w+)?")
GRACE = 15.0
"""Seconds in which what was wanted a moment ago may still be carried out: a slow read, save and request."""
Row = dict[str, Any]


@dataclass
class Sight:
    """Seen now; times are seconds since 1970."""

    place: Place
    at: float = 0.0
    services: list[Row] = field(default_factory=list)
    """Every service that there ever was."""
    projects: list[Row] = field(default_factory=list)
    volumes: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    """Volumes that were there a look ago and are not any more."""
    calls: list[Row] = field(default_factory=list)
    """What was asked of Coolify by either daemon since the last look, effects only."""
    records: dict[str, Row] = field(default_factory=dict)
    tenants: dict[str, Row] = field(default_factory=dict)
    ledger: dict[str, Row] = field(default_factory=dict)
    requests: int = 0
    """Calls of Coolify's API so far."""
    wishes: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """Stack -> since when which wish."""

    async def look(self) -> None:
        """All of this is as of now; raises when a side is down."""
        place = self.place
        tenants, records, ledger = [
            {row["id"]: row for row in await place.rows(name)}
            for name in ("tenants", "agent_stacks", "listener_ledger")
        ]
        calls = await people.ask(place.standin, "GET", f"/_standin/calls?skip={self.requests}")
        state = await people.ask(place.standin, "GET", "/_standin/state")
        self.at = time.time()
        self.tenants, self.records, self.ledger = tenants, records, ledger
        self.requests += len(calls)
        users, ahead = {one.user for one in place.daemons}, time.time() - time.monotonic()
        self.calls = [
            {**call, "at": call["at"] + ahead}
            for call in calls
            if call["method"] in ("POST", "PATCH", "DELETE") and call["user"] in users
        ]
        volumes = {name for server in state["servers"] for name in server["volumes"]}
        self.lost, self.volumes = self.volumes - volumes, volumes
        self.services, self.projects = state["services"], state["projects"]
        for daemon in place.daemons:
            daemon.measure()
        for stack in place.stacks:
            self._note(stack)

    def wish(self, stack: str) -> str:
        """What the records ask for: running, suspended or deleted."""
        row = self.records.get(stack)
        if row is None:
            return "deleted"
        tenant = self.tenants[row["tenant_id"]]
        if row["desired_state"] == "deleted":
            return "deleted"
        rests = row["hold"] or tenant["hold"] or tenant["status"] != "active"
        return "suspended" if rests else str(row["desired_state"] or "running")

    def wished(self, stack: str, at: float) -> set[str]:
        """Every wish within the grace before that moment, and since; also one that no look has seen."""
        row = self.records.get(stack, {})
        minds = [*self.place.minds.get(stack, []), *self.place.minds.get(row.get("tenant_id", ""), [])]
        passing = {wish for since, wish in minds if since >= at - GRACE}
        known = self.wishes.get(stack, [])
        ends = [since for since, _ in known[1:]] + [float("inf")]
        return passing | {wish for (_, wish), end in zip(known, ends, strict=False) if end >= at - GRACE}

    def owner(self, uuid: str) -> str:
        """The stack whose marker the service has, or nothing."""
        return next((owner(one) for one in self.services if one["uuid"] == uuid), "")

    def of_ours(self) -> Iterator[tuple[str, Row]]:
        """Every service with a stack's marker that there ever was, with the stack."""
        for one in self.services:
            if stack := owner(one):
                yield stack, one

    def _note(self, stack: str) -> None:
        wish, known = self.wish(stack), self.wishes.setdefault(stack, [])
        if not known or known[-1][1] != wish:
            known.append((self.at, wish))


def owner(service: Row) -> str:
    """The stack whose marker the service has, or nothing."""
    found = OWNER.search(service["description"])
    return found[1] if found else ""


def runs(service: Row) -> bool:
    """Something of it runs."""
    return any(service["containers"].values())
