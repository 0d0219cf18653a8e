"""Both upstreams, reached and proven: who we are to PocketBase and to Coolify."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio
import httpx
import structlog

from handlers import releases
from handlers.eyes import META
from listener import errors, transport
from listener.coolify.budget import Budget
from listener.coolify.client import Coolify
from listener.pocketbase.client import PocketBase
from listener.pocketbase.session import Session
from listener.settings import Settings
from listener.telemetry.metrics import Metrics

MUST_READ = (
    "tenants", "agent_stacks", "agent_stack_ids", "plan_tiers",
    "listener_ledger", "listener_lease", "listener_meta", "stack_operations",
)  # fmt: skip
"""Collections without which nothing may be done."""

T = TypeVar("T")
Awaited = Callable[[errors.ListenerError], None]
"""Hears why an upstream is waited for, each time it is asked again."""

log = structlog.get_logger()


class Skew:
    """How far the upstreams' clocks are from ours, by the `Date` of their answers (to the second)."""

    def __init__(self) -> None:
        self._by_door: dict[bytes, float] = {}

    def heard(self, answer: httpx.Response) -> None:
        """An answer came just now."""
        ahead = transport.clock_ahead(answer)
        if ahead is not None:
            self._by_door[answer.request.url.netloc] = abs(ahead)

    def worst(self) -> float:
        """Seconds, of the worse one; 0 before anything was heard."""
        return max(self._by_door.values(), default=0.0)


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The clients, with the installation and the team that they were proven for."""

    database: PocketBase
    renewals: PocketBase
    """The same account with connections of its own: a renewal waits for nobody."""
    sse: httpx.AsyncClient
    coolify: Coolify
    inst: str
    team_id: int
    server_uuid: str
    metrics: Metrics
    skew: Skew

    async def probe(self) -> None:
        """Returns when nothing global is wrong: identity, collections, release, token, team and abilities."""
        async with self.database.proven():
            for collection in MUST_READ:
                await self.database.page_first(collection, "")
            await releases.check(self.database)
        team = await self.coolify.team()
        if team.id != self.team_id:
            raise errors.Global(
                "COOLIFY_WRONG_TEAM",
                "Coolify answers for another team than at the start",
                why=f"the token belongs to team {team.name!r} ({team.id}) now, it was {self.team_id}",
                fix="set COOLIFY_TOKEN to a token of the team that holds the tenants' projects",
            )
        await _has_server(self.coolify, self.server_uuid)


@asynccontextmanager
async def connected(settings: Settings, *, awaited: Awaited | None) -> AsyncIterator[Upstreams]:
    """Both upstreams, reached and proven. One that is down is waited for and `awaited` told; None: raised."""
    metrics, skew = Metrics(), Skew()
    async with AsyncExitStack() as stack:
        coolify_http = transport.client(
            settings.coolify_url,
            ca_file=settings.coolify_ca_file,
            headers={"Authorization": f"Bearer {settings.coolify_token.get_secret_value()}"},
            counted=partial(_count, metrics, skew, "coolify"),
        )
        await stack.enter_async_context(coolify_http)
        budget = Budget(clock=time.monotonic)
        _expose(metrics, budget)
        coolify = Coolify(http=coolify_http, budget=budget)
        counted = partial(_count, metrics, skew, "pocketbase")
        url, database = await _patiently(partial(_first_proven, settings, stack, counted), awaited=awaited)
        team = await _patiently(coolify.team, awaited=awaited)
        server = settings.coolify_server_uuid
        await _patiently(partial(_has_server, coolify, server), awaited=awaited)
        inst = await _patiently(partial(_installation, database), awaited=awaited)
        base = partial(transport.client, url, ca_file=settings.pocketbase_ca_file, counted=counted)
        renewals, sse = base(connections=2), base(connections=4)
        for client in (renewals, sse):
            await stack.enter_async_context(client)
        yield Upstreams(
            database=database,
            renewals=PocketBase(http=renewals, session=database.session),
            sse=sse,
            coolify=coolify,
            inst=inst,
            team_id=team.id,
            server_uuid=server,
            metrics=metrics,
            skew=skew,
        )


async def _installation(database: PocketBase) -> str:
    """The installation id, which `schema apply` made once."""
    async with database.proven():
        meta = await database.get(META, "main")
    if not meta or not meta.get("inst"):
        raise errors.Global(
            "SCHEMA_MISSING",
            "PocketBase has no installation id",
            why="`cloudfreedom schema apply` was never run against this PocketBase",
            fix="run `cloudfreedom schema apply`",
        )
    return str(meta["inst"])


async def _has_server(coolify: Coolify, uuid: str) -> None:
    """The token's team has the server on which stacks are made: proof that it is the right team."""
    if uuid not in {server.uuid for server in await coolify.servers()}:
        raise errors.Global(
            "COOLIFY_WRONG_TEAM",
            "the team of COOLIFY_TOKEN has no server COOLIFY_SERVER_UUID",
            why=f"GET /servers does not list {uuid}: the token is of another team, or the server was removed",
            fix="set COOLIFY_TOKEN to a token of the team that holds the tenants' projects",
        )


async def _first_proven(
    settings: Settings, stack: AsyncExitStack, counted: Callable[[transport.Exchange], None]
) -> tuple[str, PocketBase]:
    """The first address that proves our identity; the last one's error when none does."""
    last: errors.ListenerError | None = None
    for url in settings.pocketbase_url:
        http = transport.client(url, ca_file=settings.pocketbase_ca_file, counted=counted)
        session = Session(
            http=http,
            identity=settings.pocketbase_identity,
            password=settings.pocketbase_password,
            token=settings.pocketbase_token,
        )
        try:
            await session.prove()
        except errors.ListenerError as error:
            await http.aclose()
            last = error
            continue
        stack.push_async_callback(http.aclose)
        return url, PocketBase(http=http, session=session)
    raise last or errors.Refusal("CONFIGURATION", "POCKETBASE_URL is empty.")


async def _patiently(ask: Callable[[], Awaitable[T]], *, awaited: Awaited | None) -> T:
    """The answer; while an upstream is down it is asked again every few seconds, if `awaited` is told.

    A proxy before an upstream that restarts answers 404 in its place (Traefik without a router).
    """
    while True:
        try:
            return await ask()
        except (errors.Transient, errors.Throttled, errors.UpstreamRefusal) as error:
            is_down = not isinstance(error, errors.UpstreamRefusal) or error.status == 404
            if awaited is None or not is_down:
                raise
            awaited(error)
            log.warning("upstream.awaited", code=error.code, error=str(error))
            await anyio.sleep(2.0 + 3.0 * random.random())  # noqa: S311 - jitter


def _count(metrics: Metrics, skew: Skew, upstream: str, told: transport.Exchange) -> None:
    """One request more; the code of one without an answer is client-go's."""
    method, code = told.request.method, "<error>"
    if told.answer is not None:
        skew.heard(told.answer)
        code = str(told.answer.status_code)
    metrics.rest_client_requests_total.labels(upstream, code, method).inc()
    metrics.rest_client_request_duration_seconds.labels(upstream, method).observe(told.seconds)


def _expose(metrics: Metrics, budget: Budget) -> None:
    """The budget is read at each scrape."""

    def known(value: int | None) -> float:
        return float("nan") if value is None else float(value)

    metrics.coolify_budget_remaining.set_function(lambda: known(budget.remaining))
    metrics.coolify_budget_limit.set_function(lambda: known(budget.limit))
    metrics.coolify_budget_wait_seconds.set_function(budget.wait_seconds)
