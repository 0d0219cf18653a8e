"""A run that is killed, and disks that are full: nothing is harmed, and the next run is a whole one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from listener.backup import volumes
from listener.cli.exits import Exit
from tests.backup import conftest as stage
from tests.backup.hosted import Host
from tests.cli.commands import environment

pytestmark = pytest.mark.long
POINTS = 10


@pytest.mark.parametrize("point", range(POINTS))
async def test_a_run_killed_at_any_point_harms_nothing_and_the_next_is_whole(host: Host, point: int) -> None:
    chat, volume = await host.stack("chat")
    began = time.monotonic()
    assert (await host.backup("run")).code == Exit.DONE
    whole = time.monotonic() - began
    words = ["-m", "listener.cli.main", "backup", "run", "--dir", str(host.folder)]
    with stage.writing(volume.data / "webui.db") as writer:
        stage.said(writer, 20)
        process = await anyio.open_process([sys.executable, *words], env=environment(host.env), stdout=None)
        await anyio.sleep(whole * (point + 0.5) / POINTS)
        with suppress(ProcessLookupError):  # it was quicker than the one before
            process.kill()
        code = await process.wait()
        last = stage.said(writer, 20)
    assert code in (-9, 0)
    assert stage.rows(volume.data / "webui.db")[:2] == ("ok", stage.rows(volume.data / "webui.db")[2])
    done = await host.backup("run")
    assert done.code == Exit.DONE, done.text
    assert [path.name for path in volume.folder.iterdir()] == ["_data"]
    record = await host.record(chat)
    assert (record["info"]["state"], record["hold"]) == ("done", "")
    drilled = await host.backup("drill", chat)
    assert (drilled.code, "1 databases whole" in drilled.out) == (Exit.DONE, True), drilled.text
    assert stage.rows(volume.data / "webui.db")[2] >= last


@contextmanager
def small(folder: Path, megabytes: int) -> Iterator[None]:
    """The folder is a disk of its own, of this size."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    if not stage.ROOT or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_repository_without_room_is_told_and_harms_no_older_copy(host: Host, tmp_path: Path) -> None:
    with small(tmp_path / "disk", 8):
        host.env["BACKUP_REPOSITORY"] = str(tmp_path / "disk" / "repository")
        assert (await host.backup("init")).code == Exit.DONE
        chat, volume = await host.stack("chat")
        assert (await host.backup("run")).code == Exit.DONE
        (volume.data / "large").write_bytes(random(12))
        done = await host.backup("run")
        assert done.code == Exit.FAILED
        error = (await host.record(chat))["info"]["error"]
        assert error.startswith("BACKUP_DISK_FULL · there is no room left · ")
        (volume.data / "large").unlink()
        for path in (tmp_path / "disk" / "repository").rglob("*-tmp-*"):
            path.unlink()
        assert "acme/chat" in (await host.backup("list", "--text")).out


async def test_no_room_beside_a_database_is_told_and_leaves_nothing_there(host: Host) -> None:
    with small(host.folder, 16):
        chat, volume = await host.stack("chat")
        with stage.writing(volume.data / "webui.db") as writer:
            stage.said(writer, 300)
        (volume.data / "large").write_bytes(bytes(shutil.disk_usage(host.folder).free - 200_000))
        done = await host.backup("run")
        assert done.code == Exit.FAILED
        error = (await host.record(chat))["info"]["error"]
        assert error.startswith("BACKUP_DISK_FULL · ")
        assert not (volume.folder / volumes.STAGE).exists()
        assert stage.rows(volume.data / "webui.db")[0] == "ok"


def random(megabytes: int) -> bytes:
    """What cannot be packed."""
    with Path("/dev/urandom").open("rb") as source:
        return source.read(megabytes * 1024 * 1024)
