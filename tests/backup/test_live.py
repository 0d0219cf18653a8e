"""A volume that is written to is copied without a pause, and comes back as one tree."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing, nullcontext
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import anyio
import pytest

from listener import errors
from listener.backup import databases, stack, volumes
from listener.backup.databases import Order
from listener.backup.restic import Restic, unread
from listener.backup.snapshots import Snapshot, tags
from listener.backup.volumes import Volume
from tests.backup import conftest as stage

TAGS = tags({"inst": "inst0001", "stack": "stack1", "tenant": "tenant1", "name": "acme/chat"})


async def newest(engine: Restic) -> Snapshot:
    return (await engine.snapshots("inst=inst0001", "stack=stack1"))[-1]


async def put_back(engine: Restic, volume: Volume) -> None:
    trees = await stack.restored(engine, await newest(engine), [volume])
    volumes.swap(volume.folder, trees[volume.folder], "20300101T000000")
    volumes.clear(volume)


def tree(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Kind, rights, owner and content of everything below."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (
            stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content
        )  # fmt: skip
    return found


async def test_a_database_under_writes_comes_back_whole_with_the_last_row_before_the_backup(
    engine: Restic, reachable: Path
) -> None:
    volume = stage.volume(reachable)
    with stage.writing(volume.data / "app.db") as writer:
        last = stage.said(writer, 200)
        made, broken = await stack.copied(engine, [volume], TAGS)
        assert (broken, writer.poll()) == ([], None)
        later = stage.rows(volume.data / "app.db")[2]
    await put_back(engine, volume)
    whole, count, highest = stage.rows(volume.data / "app.db")
    assert whole == "ok"
    assert count == highest
    assert last <= highest <= later
    assert made.bytes > 100_000


async def test_owners_rights_links_and_empty_folders_come_back(engine: Restic, reachable: Path) -> None:
    volume = stage.volume(reachable)
    with stage.writing(volume.data / "app.db") as writer:
        stage.said(writer, 5)
    (volume.data / "app.db").chmod(0o640)
    (volume.data / "uploads" / "1.txt").chmod(0o755)
    with closing(sqlite3.connect(volume.data / "app.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = tree(volume.data)
    await stack.copied(engine, [volume], TAGS)
    assert [path.name for path in volume.folder.iterdir()] == ["_data"]
    await put_back(engine, volume)
    after = tree(volume.data)
    names = [name for name in before if not name.endswith(volumes.SIDES)]
    assert [name for name in after if not name.endswith(volumes.SIDES)] == names
    assert {n: after[n][:4] for n in names} == {n: before[n][:4] for n in names}
    plain = [name for name in names if name != "app.db"]
    assert {n: after[n] for n in plain} == {n: before[n] for n in plain}
    (aside,) = volumes.moved_aside(volume.folder)
    left = tree(aside)
    assert {n: left[n] for n in names} == {n: before[n] for n in names}
    assert {left[n][2:4] for n in left.keys() - names} <= {(stage.OWNER, stage.OWNER)}


async def test_databases_in_folders_and_with_odd_names_are_copied_as_databases(
    engine: Restic, reachable: Path
) -> None:
    volume = stage.volume(reachable, "service1", "**/*.sqlite")
    odd = volume.data / "agents" / "a [1]*?\\'ü" / "x#%.sqlite"
    odd.parent.mkdir(parents=True)
    stage.own(volume.data)
    with stage.writing(odd) as writer:
        stage.said(writer, 3)
        (odd.with_name("no.sqlite")).write_text("no database at all, in spite of its name")
        stage.own(volume.data)
        assert [one.path for one in volumes.databases(volume)] == [str(odd.relative_to(volume.data))]
        _, broken = await stack.copied(engine, [volume], TAGS)
    assert broken == []
    odd.unlink()
    await put_back(engine, volume)
    assert stage.rows(odd)[0] == "ok"
    assert not odd.with_name("x#%.sqlite-wal").exists()
    assert odd.with_name("no.sqlite").read_text().startswith("no database")


@pytest.mark.skipif(not stage.ROOT, reason="only root can lock itself in")
async def test_a_link_that_appears_in_a_databases_place_leads_nowhere(reachable: Path) -> None:
    """A tenant makes his database a link to another's after it was found: the copying sees only his own."""
    volume, other = stage.volume(reachable), stage.volume(reachable, "service2")
    for one in (volume, other):
        with stage.writing(one.data / "app.db") as writer:
            stage.said(writer, 3)
    volumes.prepare(volume, volumes.databases(volume))
    order = Order(
        str(volume.folder), stage.OWNER, stage.OWNER, copy=[("/_data/app.db", "/.cf-backup/0/copy")]
    )
    assert await databases.carried_out(order, None) == {}
    volumes.prepare(volume, volumes.databases(volume))
    (volume.data / "app.db").unlink()
    (volume.data / "app.db").symlink_to(other.data / "app.db")
    assert await databases.carried_out(order, None) == {"/_data/app.db": "unable to open database file"}


async def test_what_is_no_sound_database_is_copied_as_it_lay_and_told(
    engine: Restic, reachable: Path
) -> None:
    volume = stage.volume(reachable)
    with stage.writing(volume.data / "app.db") as writer:
        stage.said(writer, 50)
    (volume.data / "app.db-wal").unlink(missing_ok=True)
    with (volume.data / "app.db").open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(20_000))
    _, broken = await stack.copied(engine, [volume], TAGS)
    assert len(broken) == 1
    assert broken[0].startswith("data/app.db: ")
    before = (volume.data / "app.db").read_bytes()
    await put_back(engine, volume)
    assert (volume.data / "app.db").read_bytes() == before


@pytest.mark.long
async def test_what_is_removed_while_it_is_copied_is_left_out_without_a_word(
    engine: Restic, reachable: Path
) -> None:
    volume = stage.volume(reachable)
    script = (
        "n=0; while :; do n=$((n+1)); mkdir t$n; for i in $(seq 200); do : > t$n/$i; done; rm -rf t$n; done"
    )
    async with await anyio.open_process(
        ["sh", "-c", script], cwd=volume.data, stdout=DEVNULL, stderr=DEVNULL
    ) as churn:
        try:
            for _ in range(3):
                made, broken = await stack.copied(engine, [volume], TAGS)
                assert (bool(made.id), broken) == (True, [])
        finally:
            churn.kill()  # else its end would be waited for


def test_what_is_there_and_could_not_be_read_is_told(tmp_path: Path) -> None:
    """As restic 0.14 tells it: 2 is “no such file”, 13 “permission denied”, 5 “input/output error”."""
    there = tmp_path / "there"
    there.write_text("")
    gone = {"error": {"Op": "lstat", "Path": "/a", "Err": 2}, "item": str(there)}
    raced = {"error": {}, "item": str(tmp_path / "gone")}
    broken = {"error": {"Op": "read", "Path": "/c", "Err": 5}, "item": str(there)}
    lines = [
        json.dumps({"message_type": "error", "during": "archival", **one}) for one in (gone, raced, broken)
    ]
    assert unread("\n".join(lines).encode()) == [str(there)]


def stumbling(folder: Path, times: int, *items: Path) -> str:
    """A PATH where restic says of its first backups that these could not be read."""
    count = folder / "count"
    said = [
        json.dumps({"message_type": "error", "error": {}, "during": "archival", "item": str(item)})
        for item in items
    ]
    (folder / "said").write_text("".join(f"{line}\n" for line in said))
    script = f"""
"$RESTIC" "$@" || exit $?
[ "$1" = backup ] && echo >>{count} && [ "$(wc -l <{count})" -le {times} ] || exit 0
cat {folder}/said >&2
exit 3
"""
    return stage.program(folder, script)


@pytest.mark.parametrize("times", [1, 2])
async def test_what_could_not_be_read_is_read_once_more_before_it_is_told(
    engine: Restic, reachable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """A file that was removed and made again meanwhile looks so too. Only one snapshot is left of the two."""
    volume = stage.volume(reachable)
    monkeypatch.setenv("PATH", stumbling(tmp_path, times, volume.data / "uploads" / "1.txt"))
    with nullcontext() if times == 1 else pytest.raises(errors.Terminal, match="BACKUP_INCOMPLETE"):
        await stack.copied(engine, [volume], TAGS)
    assert len(await engine.snapshots("inst=inst0001", "stack=stack1")) == 1


async def test_a_tree_that_leads_elsewhere_is_not_put_back(reachable: Path) -> None:
    """A tenant made a folder a link between the copy of its database and restic's reading."""
    volume = stage.volume(reachable)
    outside = reachable / "outside"
    outside.mkdir()
    (volume.data / "app").mkdir()
    restored = volume.folder / "restored"
    (restored / volumes.STAGE / "0").mkdir(parents=True)
    (restored / volumes.DATA).mkdir()
    (restored / volumes.DATA / "app").symlink_to(outside)
    (restored / volumes.STAGE / "0" / "copy").write_text("theirs")
    text = '{"databases": [{"number": 0, "path": "app/x.sqlite", "sha256": ""}], "files": []}'
    (restored / volumes.STAGE / volumes.MANIFEST).write_text(text)
    with pytest.raises(errors.Terminal, match="BACKUP_NOT_PROVEN"):
        volumes.join(restored)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("harm", ["database", "file", "manifest"])
async def test_a_snapshot_that_is_not_what_was_copied_is_found_out(
    engine: Restic, reachable: Path, tmp_path: Path, harm: str
) -> None:
    volume = stage.volume(reachable)
    with stage.writing(volume.data / "app.db") as writer:
        stage.said(writer, 20)
    await stack.copied(engine, [volume], TAGS)
    target = tmp_path / "drill"
    await engine.restore((await newest(engine)).id, target)
    at = target / str(volume.folder).lstrip("/")
    assert await stack.proven(at, None) == (1, 5)
    match harm:
        case "database":
            (at / volumes.staged(0)).write_bytes(b"SQLite format 3\0" + bytes(500))
        case "file":
            path = at / volumes.DATA / "uploads" / "3.txt"
            status = path.stat()
            path.write_text("y" * status.st_size)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        case _:
            (at / volumes.STAGE / volumes.MANIFEST).unlink()
    with pytest.raises(errors.Terminal, match="BACKUP_NOT_PROVEN"):
        await stack.proven(at, None)
