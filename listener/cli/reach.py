"""Both sides as commands reach them: PocketBase to read and to write wishes, Coolify only to look."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import anyio

from handlers import records
from listener import errors, settings, transport
from listener.coolify.budget import Budget
from listener.coolify.client import Coolify
from listener.pocketbase.client import PocketBase
from listener.pocketbase.session import Session
from listener.pocketbase.writer import Write, Writer
from listener.telemetry import logs

T = TypeVar("T")


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `work` returns. Nothing is logged: what there is to say is printed."""
    logs.configure("console", "critical")
    return anyio.run(work)


@asynccontextmanager
async def database(configured: settings.Settings) -> AsyncIterator[PocketBase]:
    """The first PocketBase that knows us; raises what `Session.prove` raises of the last when none does."""
    async with AsyncExitStack() as stack:
        last: errors.ListenerError | None = None
        for url in configured.pocketbase_url:
            http = await stack.enter_async_context(
                transport.client(url, ca_file=configured.pocketbase_ca_file)
            )
            session = Session(
                http=http,
                identity=configured.pocketbase_identity,
                password=configured.pocketbase_password,
                token=configured.pocketbase_token,
            )
            try:
                await session.prove()
            except errors.ListenerError as error:
                last = error
                continue
            yield PocketBase(http=http, session=session)
            return
        raise last or errors.Refusal("CONFIGURATION", "POCKETBASE_URL is empty.")


@asynccontextmanager
async def coolify(configured: settings.Settings) -> AsyncIterator[Coolify]:
    """Coolify with the listener's token; nothing was asked of it yet."""
    headers = {"Authorization": f"Bearer {configured.coolify_token.get_secret_value()}"}
    http = transport.client(configured.coolify_url, ca_file=configured.coolify_ca_file, headers=headers)
    async with http:
        yield Coolify(http=http, budget=Budget(clock=time.monotonic))


def writer(known: PocketBase) -> Writer:
    """Writes to records only: it holds no lease, so the ledger is closed to it."""
    return Writer(pocketbase=known, holder=lambda: "")


def new_id() -> str:
    """An id as PocketBase makes them, chosen here so that a repeated write makes no second record."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(15))


async def patch(known: PocketBase, record_id: str, **fields: Any) -> None:
    """The stack's record has these fields; raises what `Writer.commit` raises."""
    await writer(known).commit([Write("PATCH", records.STACKS, record_id, fields)])
