"""How the hooks come into PocketBase, what tells whether they run, and what they do without a schema."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
import pytest_asyncio

from listener import errors
from listener.cli.exits import Exit
from listener.pocketbase import hooks, schema
from listener.sandbox import pocketbase
from tests import fixtures, portal
from tests.cli.commands import Done, cloudfreedom
from tests.fixtures import Database
from tests.hooks.stage import create

META = "/api/collections/listener_meta/records/main"


@pytest_asyncio.fixture
async def running(prepared_database: Path, tmp_path: Path) -> AsyncIterator[pocketbase.Server]:
    """A PocketBase with the schema and without hooks, which watches its folder."""
    shutil.copytree(prepared_database, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "pb_hooks")
    async with pocketbase.running(tmp_path / "data", hooks_watch=True) as server:
        yield server


async def checked(server: pocketbase.Server) -> Done:
    """What `schema hooks check` says."""
    password = fixtures.SERVICE_PASSWORD.get_secret_value()
    env = {"POCKETBASE_URL": server.url, "POCKETBASE_PASSWORD": password}
    return await cloudfreedom(env, "schema", "hooks", "check")


async def until_shown(server: pocketbase.Server, stamp: str) -> None:
    """PocketBase has started itself anew and its hooks have that stamp."""
    token = fixtures.tokens(server.data_dir)["service"]
    with anyio.fail_after(20):
        async with fixtures.plain(server.url, token) as http:
            while True:
                try:
                    answer = await http.get(META)
                    if answer.status_code == 200 and answer.json()["hooks_stamp"] == stamp:
                        return
                except httpx.TransportError:
                    pass
                await anyio.sleep(0.05)


@pytest.mark.long
async def test_hooks_that_are_installed_edited_and_removed_under_a_running_pocketbase_are_noticed(
    running: pocketbase.Server,
) -> None:
    absent = await checked(running)
    assert (absent.code, absent.out.splitlines()[0]) == (Exit.FAILED, "No hooks of ours run."), absent.text
    installed = await cloudfreedom({}, "schema", "hooks", "install", "--dir", str(running.hooks_dir))
    assert installed.code == Exit.DONE, installed.text
    await until_shown(running, hooks.stamp())
    ours = await checked(running)
    assert ours.code == Exit.DONE, ours.text
    async with fixtures.superuser(running) as admin:
        (tenant,) = (await admin.get("/api/collections/tenants/records")).json()["items"]
        refused = await create(admin, "agent_stacks", portal.payload(tenant["id"], "base-llm", "Bad Name"))
        assert refused.status_code == 400
    with (running.hooks_dir / hooks.MODULES / "audit.js").open("a") as module:
        module.write("// edited\n")
    with anyio.fail_after(20):
        while (other := await checked(running)).code != Exit.FAILED:
            await anyio.sleep(0.1)
    assert f"this release's are {hooks.stamp()}" in other.out, other.text
    (running.hooks_dir / hooks.MAIN).unlink()
    await until_shown(running, "")


async def test_the_stamp_is_never_stored_and_so_does_not_outlive_the_hooks(database: Database) -> None:
    for http in (database.admin, database.service):
        row = (await http.get(META)).json()
        assert row["hooks_stamp"] == hooks.stamp()
        assert (await http.patch(META, json=row)).status_code == 200
    shutil.rmtree(database.server.hooks_dir)
    await database.server.restart()
    assert (await database.service.get(META)).json()["hooks_stamp"] == ""


async def test_before_the_schema_is_applied_every_save_passes_through(tmp_path: Path) -> None:
    hooks.install(tmp_path / "data" / "pb_hooks", force=False)
    async with pocketbase.running(tmp_path / "data") as server, fixtures.superuser(server) as admin:
        made = await portal.build(admin, user_id=True)
        stack = f"/api/collections/agent_stacks/records/{made.stacks['cf-telegrambot-bolt-2001']}"
        assert (await admin.patch(stack, json={"status": "error"})).json()["status"] == "error"
        assert (await admin.delete(stack)).status_code == 204
        tenant = f"/api/collections/tenants/records/{made.tenants['void']}"
        assert (await admin.delete(tenant)).status_code == 204
        password = fixtures.SERVICE_PASSWORD
        await schema.apply(admin, rules=True, identity=fixtures.IDENTITY, password=password)
        stack = f"/api/collections/agent_stacks/records/{made.stacks['cf-basellm-bolt-2002']}"
        assert (await admin.patch(stack, json={"status": "running"})).status_code == 400
        assert (await admin.patch(stack, json={"domain": "x.example.org"})).status_code == 200


async def test_the_doctor_says_whether_they_run_and_what_is_lost_without_them(database: Database) -> None:
    env = {"POCKETBASE_URL": database.url, "POCKETBASE_PASSWORD": database.password.get_secret_value()}
    told = []
    for folder in (database.server.hooks_dir, None):
        done = await cloudfreedom(env, "doctor", "--json")
        (line,) = [check for check in json.loads(done.out)["checks"] if check["check"] == "hooks"]
        told.append((line["state"], line["text"].split(",")[0], bool(line["fix"])))
        if folder is not None:
            shutil.rmtree(folder)
            await database.server.restart()
    assert told == [("good", hooks.stamp(), False), ("warning", "none run", True)]


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    changed = hooks.install(tmp_path, force=False)
    assert changed == [str(tmp_path / name) for name in hooks.files()]
    assert Path(changed[-1]).name == hooks.MAIN
    assert hooks.install(tmp_path, force=False) == []


def test_an_earlier_release_is_replaced_and_what_it_had_more_is_removed(tmp_path: Path) -> None:
    hooks.install(tmp_path, force=False)
    (tmp_path / hooks.MAIN).write_text(hooks.headed("// as it was\n"))
    gone = tmp_path / hooks.MODULES / "gone.js"
    gone.write_text(hooks.headed("// not needed any more\n"))
    changed = hooks.install(tmp_path, force=False)
    assert sorted(changed) == sorted([str(tmp_path / hooks.MAIN), str(gone)])
    assert not gone.exists()


@pytest.mark.parametrize("content", [b"// mine\n", b"", b"\xff\xfe\x00", b"edited"], ids=repr)
@pytest.mark.parametrize("name", [hooks.MAIN, f"{hooks.MODULES}/audit.js", f"{hooks.MODULES}/mine.js"])
def test_a_foreign_or_edited_file_is_left_alone_until_forced(
    tmp_path: Path, name: str, content: bytes
) -> None:
    other = tmp_path / "other.pb.js"
    other.write_text("// the operator's own")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if content == b"edited":
        content = hooks.files()[hooks.MAIN].encode() + b"// by hand\n"
    path.write_bytes(content)
    with pytest.raises(errors.Refusal) as refusal:
        hooks.install(tmp_path, force=False)
    assert (refusal.value.code, str(path) in refusal.value.message) == ("HOOKS_NOT_OURS", True)
    assert (path.read_bytes(), len(list(tmp_path.rglob("*.js")))) == (content, 2)
    hooks.install(tmp_path, force=True)
    assert hooks.install(tmp_path, force=False) == []
    assert other.read_text() == "// the operator's own"


async def test_a_folder_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = await cloudfreedom({}, "schema", "hooks", "install", "--dir", str(tmp_path / "file"))
    assert done.code == Exit.REFUSED, done.text
    assert done.err.startswith("error HOOKS_FOLDER_UNUSABLE: ")


def test_every_hook_file_is_short() -> None:
    lines = {name: text.count("\n") for name, text in hooks.files().items()}
    assert {name: count for name, count in lines.items() if count > 300} == {}
