"""A world in which either release can be daemon or command line, on the older one's data model at first."""

from __future__ import annotations

import os
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import httpx

from listener import transport
from listener.pocketbase import schema
from listener.sandbox import child, coolify, people, pocketbase, world
from listener.sandbox import proxy as proxies
from tests import fixtures, portal
from tests.faults.stage import Stage
from tests.upgrade import older, package


@dataclass(repr=False)
class Upgrade(Stage):
    """A stage with both releases, and no daemon yet."""

    old: Path = field(kw_only=True)
    """The folder of the older release."""

    async def start(self, *, is_old: bool) -> None:
        """The daemon of that release runs, is ready and leads."""
        self._be(is_old=is_old)
        since = self.mark() if self.world.log.exists() else 0
        await self.world.start_daemon()
        await self.until_logged("lease.taken", since=since)

    async def start_unready(
        self, command: Sequence[str] = (sys.executable, "-m", "listener.cli.sandboxed")
    ) -> None:
        """The daemon of this release, or that of the command, was started."""
        self._be(is_old=False)
        with self.world.log.open("ab") as output:
            env = {**os.environ, **self.world.env}
            self.world._daemon = await child.spawn(command, output=output, env=env)

    async def start_package(self, one: package.Package) -> None:
        """The daemon of that package runs, is ready and leads."""
        since = self.mark() if self.world.log.exists() else 0
        await self.start_unready(one.daemon)
        await self.until_logged("lease.taken", since=since)
        await self.until_ready(seconds=60)

    async def until_stopped_by(self, code: str) -> None:
        """`/readyz` names this as what stops everything."""
        async with httpx.AsyncClient(base_url=self.world.health_url, timeout=5.0) as http:

            async def says() -> bool:
                try:
                    return f"stopped by {code}" in (await http.get("/readyz")).text
                except httpx.HTTPError:
                    return False

            await self.until(says, f"/readyz says {code}", seconds=60)

    async def stop(self) -> Counter[str]:
        """The daemon was stopped; what it did in Coolify since the last `stop`."""
        await self.world.stop_daemon()
        done = await self.deeds()
        await people.ask(self.standin, "DELETE", "/_standin/calls")
        return done

    async def apply_schema(self, *words: str, is_old: bool) -> str:
        """What `schema apply` of that release printed."""
        self._be(is_old=is_old)
        env = {**os.environ, **self.superuser()}
        command = [sys.executable, "-m", "listener.cli.main", "schema", "apply", *words]
        done = await anyio.run_process(command, env=env, check=False, cwd=str(older.ROOT))
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    def superuser(self) -> dict[str, str]:
        """The settings, with those that `schema` needs besides."""
        server = self.world.pocketbase
        return {
            **self.world.env,
            "POCKETBASE_SUPERUSER_EMAIL": server.superuser_email,
            "POCKETBASE_SUPERUSER_PASSWORD": server.superuser_password.get_secret_value(),
        }

    def _be(self, *, is_old: bool) -> None:
        """Processes started from now on are of that release."""
        for name, value in older.environment(self.old).items():
            self.world.env.pop(name, None)
            if is_old:
                self.world.env[name] = value

    async def meta(self) -> Any:
        """The row of `listener_meta`."""
        return await people.ask(self.admin, "GET", "/api/collections/listener_meta/records/main")


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Upgrade]:
    """The portal's PocketBase with the older release's data model, a stand-in for Coolify, and no daemon."""
    old = older.unpack(folder / "old")
    token, guest = (f"{user}|{secrets.token_hex(20)}" for user in (1, 2))
    coolify_url, password = f"http://127.0.0.1:{world.free_port()}", secrets.token_urlsafe(18)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(pocketbase.running(folder / "data"))
        admin = await stack.enter_async_context(transport.client(database.url))
        standin = httpx.AsyncClient(base_url=coolify_url, timeout=10.0, limits=world.IDLE)
        await stack.enter_async_context(standin)
        there = coolify.Server(coolify_url, folder, (token, guest), world.SERVER, 100_000)
        await stack.enter_async_context(coolify.running(there))
        await schema.superuser(admin, database.superuser_email, database.superuser_password)
        await portal.collections(admin, user_id=True)
        env = world._env(database.url, coolify_url, token, password, folder)
        both = world.World(database, there, folder, env, admin, standin, guest)
        stack.push_async_callback(both.stop_daemon)
        nobody, no_proxy = cast(people.Person, None), cast(proxies.Proxy, None)
        first = Upgrade(both, nobody, no_proxy, old=old)
        await first.apply_schema("--rules", is_old=True)
        await fixtures.unlimited(admin, world.SERVER)
        owner = await stack.enter_async_context(people.owner(admin, database.url))
        yield Upgrade(both, owner, no_proxy, old=old)
