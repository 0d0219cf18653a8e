"""The old provisioner's calls, each answered from the record; `serve` runs them."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
from anyio.abc import TaskStatus
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from listener import errors, transport
from listener.coolify.client import Coolify
from listener.coolify.view import View
from listener.pocketbase import batch, written
from listener.pocketbase.client import PocketBase, Row
from listener.portal import door, pace, wishes
from listener.portal.door import Call
from listener.telemetry import endpoint, masking

STACKS = "agent_stacks"
LEDGER = "listener_ledger"
RECORD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
LINES = 200
"""Lines of a log."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lent:
    """What the listener lends the bridge: the ledger, Coolify's list and its logs to read, and ways in."""

    pocketbase_url: str
    pocketbase_ca_file: Path | None
    database: PocketBase
    """As the service account; nothing but the ledger is read with it."""
    coolify: Coolify
    view: View
    access: Callable[[Row, str], Awaitable[list[dict[str, str]] | None]]
    """The ways into a stack for a user's id, or None when that is no owner's."""
    kept: Callable[[Row], list[str]]
    """Secrets that are kept for a stack: no log shows them."""


async def serve(
    lent: Lent, *, at: str, origins: Sequence[str], task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Answers at `at` (`host:port`) until cancelled; browsers of these origins may call.

    Started with the port. Raises `OSError` when the address is taken.
    """
    host, _, port = at.rpartition(":")
    url, ca_file = lent.pocketbase_url, lent.pocketbase_ca_file
    async with transport.client(url, ca_file=ca_file, connections=door.PARALLEL) as http:
        pages = app(lent, http, origins)
        await endpoint.serve(
            pages, host=host.strip("[]") or "127.0.0.1", port=int(port), task_status=task_status
        )


def app(lent: Lent, http: httpx.AsyncClient, origins: Sequence[str]) -> Starlette:
    """The calls of the old provisioner; `http` reaches PocketBase and carries no identity of its own."""
    calls, entrance = _Calls(lent), door.Door(http)

    def route(method: str, path: str, answer: Callable[[Call], Awaitable[Json]]) -> Route:
        return Route(f"/api/stacks{path}", entrance.endpoint(answer), methods=[method])

    routes = [
        route("GET", "", calls.every),
        route("POST", "/deploy", calls.deploy),
        route("DELETE", "/{stack_id}", partial(calls.wish, wishes.delete)),
        route("POST", "/{stack_id}/stop", partial(calls.wish, wishes.stop)),
        route("POST", "/{stack_id}/restart", partial(calls.wish, wishes.restart)),
        route("GET", "/{stack_id}/status", calls.status),
        route("GET", "/{stack_id}/logs", calls.logs),
        route("GET", "/{stack_id}/access", calls.access),
    ]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=[origin.rstrip("/") for origin in origins],
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
    )
    made = Starlette(routes=routes, middleware=[cors], exception_handlers=dict(door.HANDLERS))
    made.router.redirect_slashes = False
    return made


class _Order(BaseModel):
    """The body of `deploy`."""

    stack_id: str


class _Calls:
    """One method a call; each reads the record with the caller's token first."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self._pace = pace.Pace(clock=time.monotonic)

    async def every(self, call: Call) -> Json:
        """Every stack that the caller may see."""
        return {"stacks": await call.database.list(STACKS)}

    async def deploy(self, call: Call) -> Json:
        """The present state: the record itself was the order, and the listener saw it already."""
        try:
            order = _Order.model_validate_json(call.body)
        except ValidationError:
            raise HTTPException(400, 'The body must be JSON: {"stack_id": "…"}.') from None
        row = await _stack(call, order.stack_id)
        return {"success": row.get("status") != "error", "message": wishes.present(row)}

    async def wish(self, wished: Callable[[Row], wishes.Wish], call: Call) -> Json:
        """The record says what is wanted, written with the caller's token."""
        wish = wished(await _stack(call, call.stack_id))
        if wish.fields:
            writes = [batch.Write("PATCH", STACKS, call.stack_id, wish.fields)]
            written.complete(writes, await batch.post(call.database, writes))
        return {"success": True, "message": wish.message}

    async def status(self, call: Call) -> Json:
        """The record; what Coolify last showed of its service, else the record's word; the host it holds."""
        stack = await _stack(call, call.stack_id)
        kept = await self._ledger(stack)
        seen = self._lent.view.snapshot.services.get(str(kept.get("service_uuid")))
        host = kept.get("domain")
        coolify = {
            "status": seen.status if seen else stack["status"],
            "fqdn": f"https://{host}" if host else "",
        }
        return {"stack": stack, "coolify": coolify}

    async def access(self, call: Call) -> Json:
        """How to get in: addresses, and the secrets that were made for the stack. On record, who asked."""
        stack = await _stack(call, call.stack_id)
        ways = await self._lent.access(stack, call.user_id)
        if ways is None:
            raise HTTPException(403, "Only an owner of the tenant may see this.")
        return {"access": ways}

    async def logs(self, call: Call) -> Json:
        """The last lines of the service's first container alive, without the stack's secrets."""
        stack = await _stack(call, call.stack_id)
        uuid = (await self._ledger(stack)).get("service_uuid")
        if not uuid:
            raise HTTPException(409, "There are no logs yet: nothing was started.")
        if wait := self._pace.take(call.user_id):
            raise errors.Throttled("PORTAL_LOGS_PACE", "logs were read too often", after=wait)
        text = await self._read(str(uuid))
        return {"logs": masking.masked(text, stack.get("config"), self._lent.kept(stack))}

    async def _ledger(self, stack: Row) -> Row:
        """The ledger's row of a record; empty when there is none, or it is another tenant's.

        The record's own fields are its owner's to write where the rules are not narrowed: a uuid there
        proves nothing, and a record id may be one that another tenant's stack had before.
        """
        row = await self._lent.database.get(LEDGER, stack["id"]) or {}
        return row if row.get("tenant_id") == stack.get("tenant_id") else {}

    async def _read(self, uuid: str) -> str:
        service = await self._lent.coolify.service(uuid)
        containers = service.containers if service else ()
        alive = next((name for name, state in containers if not state.startswith("exited")), None)
        if alive is None:
            raise _silent()
        try:
            return await self._lent.coolify.logs(uuid, alive, lines=LINES)
        except errors.UpstreamRefusal:
            raise _silent() from None


async def _stack(call: Call, record_id: str) -> Row:
    """The record, read with the caller's token; 404 says nothing about records of others."""
    row = await call.database.get(STACKS, record_id) if RECORD_ID.fullmatch(record_id) else None
    if row is None:
        raise HTTPException(404, "There is no such stack.")
    return row


def _silent() -> HTTPException:
    return HTTPException(409, "There are no logs now: the stack does not run.")
