"""`cloudfreedom sandbox`: the whole world, a demo tenant, and a live table; or one walk through it."""

from __future__ import annotations

import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from listener import errors
from listener.pocketbase import hooks
from listener.sandbox import faults_file, people, proxy, walk
from listener.sandbox import world as worlds
from listener.sandbox.faults import Entry
from listener.sandbox.faults_schedule import Schedule
from listener.sandbox.standin.knobs import LIKE_PRODUCTION

LABEL = "Coolify is a STAND-IN here: it answers like Coolify 4.3.10 and starts no containers."


def main(
    *,
    once: bool,
    port: int | None = None,
    data: Path | None = None,
    faults: Path | None = None,
    slow: bool = False,
) -> int:
    """Runs the sandbox until Ctrl-C, or (`once`) until its walk has ended; 0 when all was as it should.

    `faults` names a file of what goes wrong meanwhile, `slow` makes Coolify as slow as production's (neither
    with `once`). Raises `Refusal` when the file is wrong.
    """
    planned = () if faults is None else faults_file.load(faults)
    return anyio.run(_main, once, port, data, planned, LIKE_PRODUCTION if slow else {})


async def _main(
    once: bool, port: int | None, data: Path | None, planned: Sequence[Entry], knobs: Mapping[str, float]
) -> int:
    began = time.monotonic()
    port = port or worlds.free_port()
    async with _folder(data) as folder, anyio.create_task_group() as tasks:
        tasks.start_soon(_cancel_on_signal, tasks.cancel_scope)
        hooks.install(folder / "pb_hooks", force=True)
        code = 1
        async with (
            proxy.before(port) as way,
            worlds.running(folder, port=port, env={"POCKETBASE_URL": way.url} if planned else {}) as world,
            people.owner(world.admin, world.pocketbase.url) as owner,
        ):
            settings = _settings(folder / "env", world.env)
            _introduce(world, owner, settings, time.monotonic() - began)
            await people.ask(world.standin, "POST", "/_standin/knobs", dict(knobs))
            staff = people.Person(world.admin, owner.tenant_id, world.pocketbase.superuser_email, "")
            if once:
                code = await _walk(walk.Walk(world, owner, staff, print), began)
            else:
                tasks.start_soon(Schedule(planned, world.standin, way, _tell).play)
                await _first_stack(owner, world)
                await _watch(world)
        tasks.cancel_scope.cancel()
    return code if once else 0


async def _walk(steps: walk.Walk, began: float) -> int:
    try:
        await steps.run()
    except errors.ListenerError as error:
        print(f"  FAILED  {error}")
        print(steps.world.log.read_text(errors="replace")[-3000:])
        return 1
    print(f"All {len(steps.steps)} steps were seen on both sides in {time.monotonic() - began:.1f} s.")
    return 0


async def _first_stack(owner: people.Person, world: worlds.World) -> None:
    """The demo's first stack, unless the data directory has one already."""
    rows = await people.ask(world.admin, "GET", "/api/collections/agent_stacks/records?perPage=1")
    if not rows["items"]:
        await owner.create_stack("cf-telegrambot-acme-1234")


def _settings(path: Path, env: Mapping[str, str]) -> Path:
    """The file has the settings with which commands speak to this sandbox, for a shell to read."""
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items()))
    return path


def _introduce(world: worlds.World, owner: people.Person, settings: Path, seconds: float) -> None:
    database = world.pocketbase
    print(f"Sandbox ready after {seconds:.1f} s.  {LABEL}")
    print(f"  admin UI   {database.url}/_/   {database.superuser_email}   "
          f"{database.superuser_password.get_secret_value()}")  # fmt: skip
    print(f"  portal's   {owner.email}   {owner.password}   (user of tenant acme)")
    print(f"  stand-in   {world.coolify_url}/_standin/state")
    print(f"  listener   {world.health_url}/readyz   log {world.log}")
    print(f"  commands   in another shell: . {settings}; cloudfreedom status")


async def _watch(world: worlds.World) -> None:
    """A table of every stack, printed whenever a line of it changes."""
    print("Edit stacks in the admin UI (collection agent_stacks) and watch. Ctrl-C ends everything.\n")
    shown: dict[str, str] = {}
    while True:
        rows = await people.ask(world.admin, "GET", "/api/collections/agent_stacks/records?perPage=200")
        for row in rows["items"]:
            line = _line(row)
            if shown.get(row["id"]) != line:
                shown[row["id"]] = line
                _tell(line)
        await anyio.sleep(0.5)


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _line(row: dict[str, Any]) -> str:
    wanted = row["desired_state"] or "running"
    health = row["health"] or "-"
    return f"{row['stack_name']:<28} wants {wanted:<10} {row['status']:<10} {health:<10} {row['message']}"


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            print("\nEnding …")
            scope.cancel()
            return


@asynccontextmanager
async def _folder(data: Path | None) -> AsyncIterator[Path]:
    """The given folder, kept; or a temporary one, of which nothing is left."""
    if data is not None:
        await anyio.Path(data).mkdir(parents=True, exist_ok=True)
        yield data
        return
    folder = Path(tempfile.mkdtemp(prefix="cloudfreedom-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
