"""PocketBase as a child process: it answers, survives a kill with its data, and leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest

from listener import errors
from listener.sandbox import pocketbase
from tests import fixtures
from tests.fixtures import Database


def is_alive(pid: int) -> bool:
    """There is such a process, and it is no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def test_a_kill_and_a_restart_keep_address_data_and_credentials(database: Database) -> None:
    server, before, first = database.server, database.url, database.server.pid or 0
    assert is_alive(first)
    await server.kill()
    assert not is_alive(first)
    await server.kill()
    await server.terminate()
    await server.restart()
    assert server.url == before
    assert is_alive(server.pid or 0)
    async with fixtures.superuser(server) as admin:
        assert (await admin.get(f"/api/collections/tenants/records/{database.tenant_id}")).status_code == 200
    assert "Server started" in (server.data_dir / "pocketbase.log").read_text()


async def test_no_process_is_left_when_the_caller_is_cancelled(tmp_path: Path) -> None:
    pids: list[int | None] = []
    async with anyio.create_task_group() as tasks:

        async def hold() -> None:
            async with pocketbase.running(tmp_path / "data") as server:
                pids.append(server.pid)
                tasks.cancel_scope.cancel()
                await anyio.sleep_forever()

        tasks.start_soon(hold)
    (pid,) = pids
    assert pid is not None
    assert not is_alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
async def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    program = f"""
import anyio, os, signal
from pathlib import Path
from listener.sandbox import pocketbase
async def main():
    async with pocketbase.running(Path({str(tmp_path)!r})) as server:
        print(server.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
anyio.run(main)
"""
    done = await anyio.run_process([sys.executable, "-c", program], check=False)
    assert done.returncode == -9, done.stderr
    with anyio.fail_after(5):
        while is_alive(int(done.stdout)):
            await anyio.sleep(0.02)


async def test_a_port_that_is_taken_is_told_with_the_log(database: Database, tmp_path: Path) -> None:
    port = int(database.url.rpartition(":")[2])
    with pytest.raises(errors.UpstreamUnavailable, match=r"DID_NOT_START.*already in use"):
        async with pocketbase.running(tmp_path / "second", port=port):
            pass


async def test_its_last_words_are_told_when_it_ends_at_once(database: Database) -> None:
    await database.server.terminate()
    hooks = database.server.hooks_dir / "broken.pb.js"
    await anyio.Path(hooks).write_text("throw new Error('fake failure')")
    with pytest.raises(errors.UpstreamUnavailable, match=r"(?s)DID_NOT_START.*fake failure"):
        await database.server.start()


async def test_a_missing_executable_is_told_with_its_remedy() -> None:
    """The wheel is made invisible for a process of its own: its metadata are not found."""
    program = """
from importlib import metadata
def files(name):
    raise metadata.PackageNotFoundError(name)
metadata.files = files
from listener.sandbox import pocketbase
pocketbase.binary()
"""
    done = await anyio.run_process([sys.executable, "-c", program], check=False)
    assert b"POCKETBASE_BINARY_MISSING" in done.stderr
    assert b"pip install 'cloudfreedom-listener[sandbox]'" in done.stderr
