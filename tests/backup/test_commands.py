"""`cloudfreedom backup run`, `list`, `drill`, `prune`: what each record and each person is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from listener.backup import snapshots, state
from listener.backup.snapshots import Snapshot
from listener.cli.exits import Exit
from tests.backup import conftest as stage
from tests.backup.hosted import Host

pytestmark = pytest.mark.long


async def test_every_stack_whose_tariff_has_backups_is_copied_and_its_record_says_so(host: Host) -> None:
    chat, _ = await host.stack("chat")
    bot, _ = await host.stack("bot", "telegram-bot")
    away, _ = await host.stack("away", server_uuid="another-server")
    done = await host.backup("run")
    assert done.code == Exit.DONE, done.text
    assert done.out.splitlines()[-1] == "1 of 1 stacks copied."
    record = await host.record(chat)
    info = record["info"]
    assert (info["state"], info["error"]) == ("done", "")
    assert record["last_backup"] >= info["tried"]
    assert info["bytes"] > 40_000
    assert [(await host.record(one))["info"] for one in (bot, away)] == [{}, {}]
    (row,) = json.loads(host.restic("snapshots", "--json"))
    tags = dict(tag.split("=") for tag in row["tags"])
    assert row["short_id"] == info["snapshot"]
    assert tags.keys() == set(snapshots.TAGS)
    assert (tags["stack"], tags["name"], tags["version"]) == (chat, "acme/chat", "1.0.0")
    listed = json.loads((await host.backup("list", "--json")).out)
    assert [one["snapshot"] for one in listed["snapshots"]] == [info["snapshot"]]
    assert listed["wrong"] == []


async def test_what_the_repositorys_server_needs_comes_from_a_file(host: Host, tmp_path: Path) -> None:
    await host.stack("chat")
    file, seen = anyio.Path(tmp_path / "restic.env"), anyio.Path(tmp_path / "seen")
    await file.write_text("AWS_ACCESS_KEY_ID=fake-key-id\nAWS_SECRET_ACCESS_KEY='fake secret'\n")
    done = await host.backup("run", BACKUP_ENV_FILE=str(file), PATH=stage.watched(tmp_path, Path(seen)))
    assert done.code == Exit.DONE, done.text
    lines = (await seen.read_text()).splitlines()
    assert {"AWS_ACCESS_KEY_ID=fake-key-id", "AWS_SECRET_ACCESS_KEY=fake secret"} <= set(lines)
    assert "fake secret" not in done.text
    assert not [line for line in lines if line.startswith("POCKETBASE_")]


async def test_secrets_may_stand_in_a_folder_of_credentials(host: Host, tmp_path: Path) -> None:
    await host.stack("chat")
    folder = anyio.Path(tmp_path / "credentials")
    await folder.mkdir()
    for name in ("POCKETBASE_PASSWORD", "BACKUP_REPOSITORY", "BACKUP_PASSWORD"):
        await (folder / name.lower()).write_text(host.env.pop(name))
    done = await host.backup("run", CREDENTIALS_DIRECTORY=str(folder))
    assert done.out.splitlines()[-1] == "1 of 1 stacks copied.", done.text


async def test_a_tariff_without_backups_copies_nothing(host: Host) -> None:
    await host.admin.patch("/api/collections/plan_tiers/records/team", json={"backups": False})
    chat, _ = await host.stack("chat")
    done, asked = await host.backup("run"), await host.backup("run", chat)
    assert (done.code, done.out) == (Exit.DONE, "0 of 0 stacks copied.\n")
    assert (asked.code, "BACKUP_NOT_DUE" in asked.err) == (Exit.REFUSED, True)


async def test_one_stack_that_fails_hinders_no_other_and_keeps_its_last_good_copy(host: Host) -> None:
    good, _ = await host.stack("good")
    lost, volume = await host.stack("lost")
    await host.backup("run")
    before = await host.record(lost)
    shutil.rmtree(volume.data)
    done = await host.backup("run")
    assert done.code == Exit.FAILED
    assert done.out.splitlines()[-1] == "1 of 2 stacks copied."
    record = await host.record(lost)
    assert record["info"]["state"] == "failed"
    assert record["info"]["error"].startswith("BACKUP_VOLUME_MISSING · ")
    assert record["info"]["snapshot"] == before["info"]["snapshot"]
    assert record["last_backup"] == before["last_backup"]
    assert (await host.record(good))["info"]["state"] == "done"
    told = (await host.backup("list", "--text")).out
    assert "! acme/lost: backup_failed: BACKUP_VOLUME_MISSING" in told


@pytest.mark.parametrize(
    ("harm", "code", "exit_code"),
    [
        ("password", "BACKUP_PASSWORD_WRONG", Exit.CREDENTIALS),
        ("gone", "BACKUP_REPOSITORY_MISSING", Exit.UNAVAILABLE),
    ],
)
async def test_a_repository_that_does_not_open_is_told_in_three_parts_and_on_every_record(
    host: Host, harm: str, code: str, exit_code: Exit
) -> None:
    chat, _ = await host.stack("chat")
    if harm == "password":
        host.env["BACKUP_PASSWORD"] = "fake-other-password"
    else:
        host.env["BACKUP_REPOSITORY"] += "-elsewhere"
    done, drilled = await host.backup("run"), await host.backup("drill", chat)
    assert done.code == Exit.FAILED
    error = (await host.record(chat))["info"]["error"]
    assert (error.split(" · ")[0], len(error.split(" · "))) == (code, 4)
    assert (drilled.code, f"error {code}: " in drilled.err) == (exit_code, True)
    assert "why: " in drilled.err
    assert "fix: " in drilled.err
    assert host.env["BACKUP_REPOSITORY"] not in done.text + error


async def test_without_a_repository_or_restic_nothing_is_done(host: Host) -> None:
    await host.stack("chat")
    bare = await host.backup("run", BACKUP_REPOSITORY="")
    assert (bare.code, "BACKUP_NOT_CONFIGURED" in bare.err) == (Exit.REFUSED, True)
    folder = Path(host.env["BACKUP_STATE_DIR"]).parent / "bin"
    folder.mkdir()
    lacking = await host.backup("run", PATH=str(folder))
    assert (lacking.code, "BACKUP_RESTIC_MISSING" in lacking.out) == (Exit.FAILED, True)


async def test_a_new_repository_is_made_once(host: Host) -> None:
    host.env["BACKUP_REPOSITORY"] += "-new"
    made, again = await host.backup("init"), await host.backup("init")
    assert (made.code, again.code) == (Exit.DONE, Exit.FAILED)
    assert "BACKUP_RESTIC_FAILED" in again.err


@contextmanager
def holding(host: Host) -> Iterator[subprocess.Popen[bytes]]:
    """restic holds a lock on the repository: it copies what nobody sends."""
    env = {"PATH": os.environ["PATH"], "RESTIC_PASSWORD": stage.PASSWORD}
    command = ["restic", "--no-cache", "-r", host.env["BACKUP_REPOSITORY"], "backup", "--stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env) as process:
        try:
            while not host.restic("list", "locks", "--no-lock"):
                time.sleep(0.1)
            yield process
        finally:
            process.kill()


async def test_a_lock_that_a_dead_process_of_this_host_left_is_removed(host: Host) -> None:
    await host.stack("chat")
    await host.backup("run")
    with holding(host):
        pass
    assert host.restic("list", "locks", "--no-lock")
    done = await host.backup("drill")
    assert done.code == Exit.DONE, done.text
    assert host.restic("list", "locks", "--no-lock") == ""


async def test_a_lock_of_a_living_process_is_left_alone(host: Host) -> None:
    chat, _ = await host.stack("chat")
    await host.backup("run")
    with holding(host):
        done = await host.backup("drill", chat)
        assert (done.code, "BACKUP_REPOSITORY_LOCKED" in done.err) == (Exit.UNAVAILABLE, True)
        assert len(host.restic("list", "locks", "--no-lock").split()) == 1
    assert (await host.record(chat))["info"]["state"] == "done"


async def test_an_old_lock_of_another_host_is_left_alone(host: Host) -> None:
    """restic itself would remove it after half an hour: that host may only have slept."""
    await host.stack("chat")
    await host.backup("run")
    put_lock(host, "elsewhere", datetime.now(UTC) - timedelta(hours=2))
    done = await host.backup("drill")
    assert (done.code, "BACKUP_REPOSITORY_LOCKED" in done.err) == (Exit.UNAVAILABLE, True), done.text
    assert len(host.restic("list", "locks", "--no-lock").split()) == 1
    host.restic("unlock")
    assert host.restic("list", "locks", "--no-lock") == ""


def put_lock(host: Host, hostname: str, at: datetime) -> None:
    """The repository holds an exclusive lock as restic of that host would have made it then."""
    key = json.loads(host.restic("cat", "masterkey"))
    names = {"hostname": hostname, "username": "root", "pid": 1, "uid": 0, "gid": 0}
    plain = json.dumps({"time": at.isoformat(), "exclusive": True, **names}).encode()
    nonce = os.urandom(16)
    sealer = Cipher(algorithms.AES(b64decode(key["encrypt"])), modes.CTR(nonce)).encryptor()
    sealed = sealer.update(plain) + sealer.finalize()
    once = Cipher(algorithms.AES(b64decode(key["mac"]["k"])), modes.ECB()).encryptor()  # as poly1305-AES asks
    tag = Poly1305.generate_tag(b64decode(key["mac"]["r"]) + once.update(nonce), sealed)
    whole = nonce + sealed + tag
    (Path(host.env["BACKUP_REPOSITORY"]) / "locks" / sha256(whole).hexdigest()).write_bytes(whole)


async def test_a_drill_proves_the_newest_copy_and_says_so(host: Host) -> None:
    chat, _ = await host.stack("chat")
    await host.backup("run")
    await anyio.Path(host.env["BACKUP_STATE_DIR"], "drill-killed", "data").mkdir(parents=True)
    done = await host.backup("drill")
    assert done.code == Exit.DONE, done.text
    assert "1 databases whole, 5 files equal" in done.out
    info = (await host.record(chat))["info"]
    assert (info["state"], bool(info["proven"])) == ("done", True)
    assert host.left("drill-*") == []


async def test_a_repository_that_rotted_fails_the_drill_and_the_record(host: Host) -> None:
    chat, _ = await host.stack("chat")
    await host.backup("run")
    for path in (Path(host.env["BACKUP_REPOSITORY"]) / "data").rglob("*"):
        if path.is_file():
            content = bytearray(path.read_bytes())
            content[len(content) // 3] ^= 1
            path.chmod(0o600)
            path.write_bytes(content)
    done = await host.backup("drill", chat)
    assert (done.code, "BACKUP_" in done.err) == (Exit.FAILED, True)
    assert (await host.record(chat))["info"]["state"] == "failed"


async def test_a_broken_template_keeps_no_other_stack_from_its_copy(host: Host, tmp_path: Path) -> None:
    await host.stack("chat")
    await host.stack("claw", "openclaw-agent")
    (tmp_path / "own" / "openclaw-agent").mkdir(parents=True)
    done = await host.backup("run", TEMPLATES_DIR=str(tmp_path / "own"))
    assert "1 of 2 stacks copied." in done.out, done.text
    assert "BACKUP_TEMPLATE_UNKNOWN" in done.text


async def test_prune_removes_what_is_older_than_the_tariff_says(host: Host) -> None:
    _, volume = await host.stack("chat")
    await host.backup("run")
    (row,) = json.loads(host.restic("snapshots", "--json"))
    for days in (6, 8, 30):
        at = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d %H:%M:%S}"
        host.restic("backup", "--time", at, "--tag", ",".join(row["tags"]), str(volume.data))
    done = await host.backup("prune")
    assert done.out == "2 of 4 copies were over and are removed.\n", done.text
    assert len(json.loads(host.restic("snapshots", "--json"))) == 2


@pytest.mark.parametrize(("ago", "erased", "left"), [(6, {}, 1), (8, {}, 0), (6, {"erase": "x"}, 0)])
async def test_the_last_copy_is_kept_for_so_many_days_after_the_purge(
    host: Host, ago: int, erased: dict[str, str], left: int
) -> None:
    stack, volume = await host.stack("chat")
    await host.backup("run")
    (row,) = json.loads(host.restic("snapshots", "--json"))
    for days in (40, 41):
        at = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d %H:%M:%S}"
        host.restic("backup", "--time", at, "--tag", ",".join(row["tags"]), str(volume.data))
    host.restic("forget", row["short_id"])
    purged = (datetime.now(UTC) - timedelta(days=ago)).isoformat()
    await host.ledger(stack, stage="closed", applied_spec={"purged_at": purged, **erased})
    done = await host.backup("prune")
    assert done.out == f"{2 - left} of 2 copies were over and are removed.\n", done.text


async def test_only_one_run_at_a_time(tmp_path: Path) -> None:
    with state.opened(tmp_path / "one", patience=0):  # noqa: SIM117 - the second one is what is refused
        with pytest.raises(Exception, match="BACKUP_BUSY"), state.opened(tmp_path / "one", patience=0.3):
            pass
    with state.opened(tmp_path / "one", patience=0) as mine:
        child = await anyio.open_process(["sleep", "1"], pass_fds=(mine.lock,))
    with pytest.raises(Exception, match="BACKUP_BUSY"), state.opened(tmp_path / "one", patience=0.3):
        pass
    await child.wait()
    with state.opened(tmp_path / "one", patience=0.3):
        pass


NOW = datetime(2030, 1, 31, tzinfo=UTC)


def made(stack: str, *days: float) -> list[Snapshot]:
    return [Snapshot(f"{stack}{age}", NOW - timedelta(days=age), (), {"stack": stack}) for age in days]


def test_of_a_living_stack_the_newest_copy_stays_however_old_it_is() -> None:
    found = [*made("alive", 40, 20, 9), *made("gone", 9, 3), *made("fresh", 8, 1)]
    over = snapshots.over(found, dict.fromkeys(("alive", "gone", "fresh"), 7), {"alive", "fresh"}, NOW)
    assert sorted(one.id for one in over) == ["alive20", "alive40", "fresh8", "gone9"]
