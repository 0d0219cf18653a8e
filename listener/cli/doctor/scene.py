"""What the checks look at: the settings as far as they go, and clients made from them.

Checks fill in what they proved, so that those after them skip what makes no sense any more.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from listener import transport
from listener.cli import configured
from listener.coolify.budget import Budget
from listener.coolify.client import Coolify
from listener.pocketbase.client import PocketBase
from listener.pocketbase.session import Session


@dataclass(frozen=True, slots=True)
class Door:
    """One address, and how to ask it without saying who we are."""

    url: str
    ask: Callable[[str], Awaitable[Any]]
    """One safe GET of a path; the answer, below 500."""


@dataclass(frozen=True, slots=True)
class Database:
    """PocketBase at one address."""

    door: Door
    client: PocketBase
    sse: httpx.AsyncClient
    """For the stream, which takes two connections."""


@dataclass(slots=True)
class Scene:
    """One examination."""

    settings: configured.Loose
    mistakes: Mapping[str, configured.Mistake]
    """Setting -> what `run` would say against it."""
    databases: tuple[Database, ...] = ()
    """In the order of POCKETBASE_URL."""
    answering: list[Database] = field(default_factory=list)
    """Those that answer as PocketBase does."""
    watch: float = 0.0
    """Seconds for which the stream is held, so that whoever cuts it does; 0 = until its first echo."""
    coolify_door: Door | None = None
    coolify: Coolify | None = None
    """None also when it turned out that nothing further can be asked of it."""
    database: Database | None = None
    """The first that answers, and later the first that knows us."""
    is_known: bool = False
    """`database` proved our identity."""
    can_read_coolify: bool = False
    heads: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Address -> headers of its answer, which may name a proxy."""
    skews: dict[str, float | None] = field(default_factory=dict)
    """Address -> seconds that its clock is ahead of ours; None when it does not tell."""

    async def knock(self, door: Door, path: str) -> tuple[Any, str]:
        """The answer, and how long it took in words; the clock behind the door is remembered."""
        began = time.monotonic()
        answer = await door.ask(path)
        took = time.monotonic() - began
        self.heads[door.url] = answer.headers
        self.skews[door.url] = transport.clock_ahead(answer)
        return answer, f"{took * 1000:.0f} ms"


@asynccontextmanager
async def set_up(watch: float = 0.0) -> AsyncIterator[Scene]:
    """A scene with a client for every address that is one; nothing was asked yet."""
    settings, mistakes = configured.whatever()
    scene = Scene(settings, mistakes, watch=watch)
    async with AsyncExitStack() as stack:
        urls = [url for url in settings.pocketbase_url if is_address(url)]
        scene.databases = tuple([await _database(stack, settings, url) for url in urls])
        if is_address(settings.coolify_url):
            token = settings.coolify_token.get_secret_value()
            token = token if is_sendable(token) else ""
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            http = await stack.enter_async_context(
                transport.client(settings.coolify_url, ca_file=settings.coolify_ca_file, headers=headers)
            )
            scene.coolify_door = Door(settings.coolify_url, _asking(http, "COOLIFY"))
            scene.coolify = Coolify(http=http, budget=Budget(clock=time.monotonic)) if token else None
        yield scene


def is_address(text: str) -> bool:
    """The text is an address of HTTP."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_sendable(secret: str) -> bool:
    """A header of HTTP can hold it."""
    return secret.isascii() and secret.isprintable()


async def _database(stack: AsyncExitStack, settings: configured.Loose, url: str) -> Database:
    base = partial(transport.client, url, ca_file=settings.pocketbase_ca_file)
    http, sse = await stack.enter_async_context(base()), await stack.enter_async_context(base())
    session = Session(
        http=http,
        identity=settings.pocketbase_identity,
        password=settings.pocketbase_password,
        token=settings.pocketbase_token,
    )
    return Database(
        door=Door(url, _asking(http, "POCKETBASE")),
        client=PocketBase(http=http, session=session),
        sse=sse,
    )


def _asking(http: Any, upstream: str) -> Callable[[str], Awaitable[Any]]:
    return lambda path: transport.send(http, "GET", path, upstream=upstream, safe=True)
