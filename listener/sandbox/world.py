"""A whole world on one machine: PocketBase, the stand-in for Coolify, and the daemon, each a process."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.abc
import httpx
from pydantic import SecretStr

from listener import errors, transport
from listener.compose import catalog
from listener.pocketbase import schema
from listener.sandbox import child, coolify, pocketbase
from listener.secrets.sealing import new_key

SERVER = "sandbox-server"
ROUTER = "https://router.sandbox.example/v1"
READY_SECONDS = 30.0
IDLE = httpx.Limits(keepalive_expiry=2.0)
"""The stand-in's server closes a connection that was idle for 5 s, httpx's own default: they would race."""


@dataclass
class World:
    """Addresses, credentials and the daemon's process; everything else is asked over HTTP."""

    pocketbase: pocketbase.Server
    coolify: coolify.Server
    data_dir: Path
    env: dict[str, str] = field(repr=False)
    admin: httpx.AsyncClient
    """A superuser's client to PocketBase."""
    standin: httpx.AsyncClient
    """A client to the stand-in's own pages, which no Coolify has."""
    guest_token: str = field(repr=False)
    """A token of a second user of the team, for another installation at the same Coolify."""
    _daemon: anyio.abc.Process | None = field(default=None, repr=False)

    @property
    def coolify_url(self) -> str:
        """The stand-in's address."""
        return self.coolify.url

    @property
    def log(self) -> Path:
        """The daemon's log."""
        return self.data_dir / "listener.log"

    @property
    def health_url(self) -> str:
        """Where the daemon tells whether it is ready."""
        return f"http://{self.env['LISTENER_HTTP']}"

    async def start_daemon(self) -> None:
        """The daemon runs and says that it is ready; raises with the end of its log when it does not."""
        with self.log.open("ab") as output:
            command = [sys.executable, "-m", "listener.cli.sandboxed"]
            self._daemon = await child.spawn(command, output=output, env={**os.environ, **self.env})
        with anyio.move_on_after(READY_SECONDS):
            async with httpx.AsyncClient(base_url=self.health_url, timeout=2.0) as http:
                while self._daemon.returncode is None:
                    if await _answers(http, "/readyz"):
                        return
                    await anyio.sleep(0.05)
        raise _did_not_start("the listener", self.log)

    async def kill_daemon(self) -> None:
        """SIGKILL: whatever it was doing is cut in the middle."""
        if self._daemon is not None:
            await child.kill(self._daemon)
            self._daemon = None

    async def stop_daemon(self) -> None:
        """SIGTERM: it drains and gives its lease back."""
        if self._daemon is not None:
            await child.terminate(self._daemon)
            self._daemon = None

    def signal_daemon(self, number: signal.Signals) -> None:
        """The daemon has the signal, if it runs."""
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.send_signal(number)

    async def daemon_exit(self) -> int:
        """The exit code of the daemon, which ended by itself or by a signal; it counts as down."""
        assert self._daemon is not None
        code = await self._daemon.wait()
        await self.kill_daemon()
        return code


@asynccontextmanager
async def running(
    data_dir: Path,
    *,
    port: int | None = None,
    rate_limit: int = 100_000,
    env: Mapping[str, str] | None = None,
    daemon: bool = True,
    beside: World | None = None,
) -> AsyncIterator[World]:
    """PocketBase with our schema and rules, the stand-in, and the daemon, all ready; none is left on exit.

    `port` is PocketBase's, else a free one. `rate_limit` is the stand-in's requests per minute. `env` wins
    over the daemon's settings. Without `daemon` it is not started yet. `beside` another world it shares that
    one's stand-in, as another installation.
    """
    token, guest = (f"{user}|{secrets.token_hex(20)}" for user in (1, 2))
    coolify_url = f"http://127.0.0.1:{free_port()}"
    if beside is not None:
        token, coolify_url = beside.guest_token, beside.coolify_url
    password = secrets.token_urlsafe(18)
    async with (
        pocketbase.running(data_dir, port=port) as database,
        transport.client(database.url) as admin,
        httpx.AsyncClient(base_url=coolify_url, timeout=10.0, limits=IDLE) as standin,
        AsyncExitStack() as stack,
    ):
        there = beside.coolify if beside else _new(coolify_url, data_dir, (token, guest), rate_limit)
        if beside is None:
            await stack.enter_async_context(coolify.running(there))
        await _prepare(admin, database, SecretStr(password))
        made = _env(database.url, coolify_url, token, password, data_dir)
        world = World(database, there, data_dir, {**made, **(env or {})}, admin, standin, guest)
        try:
            if daemon:
                await world.start_daemon()
            yield world
        finally:
            await world.stop_daemon()


def _new(url: str, data_dir: Path, tokens: tuple[str, str], rate_limit: int) -> coolify.Server:
    return coolify.Server(url, data_dir, tokens, SERVER, rate_limit)


async def _prepare(admin: httpx.AsyncClient, database: pocketbase.Server, password: SecretStr) -> None:
    """Our schema, its rules and the service account are there; `admin` is signed in."""
    await schema.superuser(admin, database.superuser_email, database.superuser_password)
    templates = catalog.Catalog.load().slugs()
    await schema.apply(admin, rules=True, identity="listener", password=password, templates=templates)


def _env(database: str, coolify: str, token: str, password: str, data_dir: Path) -> dict[str, str]:
    return {
        "POCKETBASE_URL": database,
        "POCKETBASE_IDENTITY": "listener",
        "POCKETBASE_PASSWORD": password,
        "COOLIFY_URL": coolify,
        "COOLIFY_TOKEN": token,
        "COOLIFY_SERVER_UUID": SERVER,
        "ROUTER_BASE_URL": ROUTER,
        "LISTENER_PROBE_ADDRESS": "off",
        "LISTENER_DNS": "off",
        "LISTENER_HTTP": f"127.0.0.1:{free_port()}",
        "LISTENER_STATE_DIR": str(data_dir / "state"),
        "LISTENER_SECRETS_KEY": _kept_key(data_dir / "secrets.key"),
    }


def _kept_key(path: Path) -> str:
    """The sandbox's sealing key, made once per data directory."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(new_key())
    return path.read_text()


def free_port() -> int:
    """A port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(http: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await http.get(path)).status_code == 200
    except httpx.HTTPError:
        return False


def _did_not_start(what: str, log: Path) -> errors.UpstreamUnavailable:
    return errors.UpstreamUnavailable(
        "SANDBOX_DID_NOT_START",
        f"{what} did not become ready",
        why=log.read_text(errors="replace")[-1500:].strip(),
        fix=f"see {log}",
    )
