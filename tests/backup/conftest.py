"""A repository of restic, and volumes with a program that writes to their database all the time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest
import pytest_asyncio

from listener.backup.restic import Restic
from listener.backup.volumes import Volume
from listener.compose import catalog
from tests.backup import hosted
from tests.fixtures import Database

PASSWORD = "fake-backup-password"
WRITER = """
import os, sqlite3, sys, itertools
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE IF NOT EXISTS said (n INTEGER PRIMARY KEY, text TEXT)")
last = db.execute("SELECT coalesce(max(n), 0) FROM said").fetchone()[0]
for n in itertools.count(last + 1):
    db.execute("INSERT INTO said VALUES (?, ?)", (n, "x" * 2000))
    print(n, flush=True)
"""
ROOT = os.geteuid() == 0
OWNER = 1000 if ROOT else os.getegid()
"""Whose the data is: no root, as in a container."""


@pytest.fixture(scope="session")
def prepared_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository, to be copied. Without restic tests are skipped, but not where CI is set."""
    path = shutil.which("restic")
    if path is None and not os.environ.get("CI"):
        pytest.skip("restic is not installed")
    assert path is not None, "restic is missing: apt-get install restic"
    folder = tmp_path_factory.mktemp("restic")
    anyio.run(restic(folder / "repository", folder / "cache").init)
    return folder / "repository"


@pytest.fixture
def repository(prepared_repository: Path, tmp_path: Path) -> Path:
    """An empty repository of the test's own."""
    return Path(shutil.copytree(prepared_repository, tmp_path / "repository"))


def program(folder: Path, script: str) -> str:
    """A PATH whose restic is this script; `$RESTIC` in it is the real one."""
    real = shutil.which("restic")
    file = folder / "bin" / "restic"
    file.parent.mkdir()
    file.write_text(f"#!/bin/sh\nRESTIC={real}\n{script}\n")
    file.chmod(0o755)
    return f"{file.parent}:{os.environ['PATH']}"


def watched(folder: Path, seen: Path) -> str:
    """A PATH whose restic writes down with which variables it was called."""
    return program(folder, f'env >{seen}; exec "$RESTIC" "$@"')


def forgetful(folder: Path) -> str:
    """A PATH whose restic restores nothing and says that it did."""
    return program(folder, '[ "$1" = restore ] && exit 0; exec "$RESTIC" "$@"')


@pytest_asyncio.fixture
async def host(database: Database, repository: Path, reachable: Path, tmp_path: Path) -> hosted.Host:
    """A host whose tenant has the tariff `team`."""
    tenant = f"/api/collections/tenants/records/{database.tenant_id}"
    await database.admin.patch(tenant, json={"plan_tier": "team", "status": "active"})
    env = {
        "POCKETBASE_URL": database.url,
        "POCKETBASE_PASSWORD": database.password.get_secret_value(),
        "COOLIFY_SERVER_UUID": hosted.SERVER,
        "BACKUP_REPOSITORY": str(repository),
        "BACKUP_PASSWORD": PASSWORD,
        "BACKUP_STATE_DIR": str(tmp_path / "state"),
    }
    return hosted.Host(database, reachable, env)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder of volumes that the container's user may reach, as its own from inside.

    Not below pytest's own: each pytest that starts takes the rights of others from that.
    """
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-volumes-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "volumes"


@pytest.fixture
def engine(repository: Path, tmp_path: Path) -> Restic:
    """restic with that repository."""
    return restic(repository, tmp_path / "cache")


def restic(repository: Path, cache: Path, password: str = PASSWORD) -> Restic:
    """restic, with a repository in this folder."""
    return Restic(str(repository), password, cache, None)


def volume(folder: Path, uuid: str = "service1", *patterns: str) -> Volume:
    """A volume `data` with a few files, as Docker would have made it, owned as by a container."""
    one = Volume("data", folder / f"{uuid}_data", patterns or ("app.db", "**/*.sqlite"))
    (one.data / "uploads").mkdir(parents=True)
    one.folder.chmod(0o701)
    for number in range(5):
        (one.data / "uploads" / f"{number}.txt").write_text(f"{uuid} file {number}\n" * 50)
    (one.data / "empty").mkdir()
    (one.data / "link").symlink_to("uploads/0.txt")
    own(one.data)
    return one


def own(folder: Path) -> None:
    """Everything below belongs to the container's user."""
    if ROOT:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OWNER, OWNER, follow_symlinks=False)


@contextmanager
def writing(database: Path) -> Iterator[subprocess.Popen[str]]:
    """A program inserts rows, one a transaction, in WAL mode, and says each that is stored."""
    command = [sys.executable, "-c", WRITER, str(database), str(OWNER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], rows: int) -> int:
    """The last of so many rows that were stored just now."""
    assert process.stdout is not None
    for _ in range(rows):
        last = int(process.stdout.readline())
    return last


def rows(database: Path) -> tuple[str, int, int]:
    """Whether it is whole, how many rows it has, and the highest."""
    with closing(sqlite3.connect(database)) as db:
        ((whole,),) = db.execute("PRAGMA integrity_check")
        ((count, highest),) = db.execute("SELECT count(*), max(n) FROM said")
    return whole, count, highest


def stopping(folder: Path) -> str:
    """A folder with base-llm as it would be if its data could only be copied at rest."""
    target = folder / "templates" / "base-llm"
    if not target.exists():
        shutil.copytree(catalog.default_folder() / "base-llm", target)
        path = target / "template.yaml"
        text = path.read_text()
        lines = [
            line for line in text.splitlines() if "backup: sqlite" not in line and "databases:" not in line
        ]
        assert len(lines) == len(text.splitlines()) - 2
        path.write_text("\n".join(lines) + "\n")
    return os.fspath(target.parent)
