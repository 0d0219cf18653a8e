"""`capacity`, `plan --what-if` and `measure-disk`, beside a running daemon on the host of the seed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest

from listener.cli import what_if
from listener.cli.exits import Exit
from listener.dockerwatch import disk
from listener.errors import Refusal
from listener.sandbox.world import World
from tests.cli.commands import cloudfreedom
from tests.cli.test_world import admin, running

__all__ = ["admin"]
SEED_HOST = {
    "cores": "36",
    "memory": "28.6 GB",
    "planned": "18.7 GB",
    "disk": "12 GB",
}
"""12 cores, 31 GB and 24 GB of disk less reserves, promised 4, 1.3 and (unmeasured) 1 time."""


async def test_the_first_host_is_written_with_its_figures_and_says_what_fits(
    world: World, admin: httpx.AsyncClient
) -> None:
    await running(admin, "capacity-one")
    done = await cloudfreedom(world.env, "capacity", "--json")
    assert done.code == Exit.DONE, done.text
    told = json.loads(done.out)
    (host,) = told["servers"]
    assert {name: host[name].partition(" of ")[2] for name in SEED_HOST} == SEED_HOST
    assert (host["state"], host["free disk"]) == ("takes stacks", "not measured")
    assert host["stacks"] >= 1
    fits = {row["template"]: row for row in told["would_fit"]}
    assert int(fits["openclaw-agent"]["team"]) in range(5, 7), "12 GB of disk, once promised, 2 GB each"
    assert told["waiting"] == []


@pytest.mark.long
async def test_what_if_counts_restarts_refusals_and_the_line_and_writes_nothing(
    world: World, admin: httpx.AsyncClient
) -> None:
    await running(admin, "before-it")
    stack = await running(admin, "what-if")
    before = (await admin.get("/api/collections/plan_tiers/records/starter")).json()
    more = await cloudfreedom(world.env, "plan", stack, "--what-if", "tier:starter.memory=512M")
    assert "~ what-if/bot: apply the change" in more.out, more.text
    assert "If saved: 1 restarted" in more.out
    less = await cloudfreedom(
        world.env, "plan", stack, "--what-if", "tier:starter.telegram-bot/bot.memory=16M"
    )
    assert "telegram-bot/bot needs at least" in less.out, less.text
    assert "If saved: 0 restarted, one of a tenant at a time; 1 refused or blocked." in less.out
    crowded = await cloudfreedom(
        world.env, "plan", stack, "--what-if", "server:sandbox-server.memory_mb=10200",
        "--what-if", "tier:starter.memory=999M",
    )  # fmt: skip
    assert "WAIT" not in crowded.err
    assert "Waiting for" in crowded.out, crowded.text
    assert "what-if/bot" in crowded.out.partition("If saved")[2], "the line names it"
    assert (await admin.get("/api/collections/plan_tiers/records/starter")).json() == before
    wrong = await cloudfreedom(world.env, "plan", "--what-if", "server:nobody=drain")
    assert (wrong.code, "WHAT_IF_UNKNOWN" in wrong.err) == (Exit.REFUSED, True), wrong.text


@pytest.mark.parametrize(
    "text", ["", "tier", "tier:a", "tier:a=1", "tier:a.colour=1", "server:a.tiers=x", "x:a.b=1"]
)
def test_what_cannot_be_read_is_said_with_an_example(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        what_if.read(text)
    assert refused.value.code == "WHAT_IF_UNREADABLE"
    assert "--what-if tier:team.memory=1G" in refused.value.fix


async def test_the_disk_is_measured_in_blocks_and_left_whole(tmp_path: Path) -> None:
    data = tmp_path / "volumes" / "uuid_data" / "_data"
    data.mkdir(parents=True)
    (data / "big").write_bytes(os.urandom(3 * disk.MEGABYTE))
    (data / "link").symlink_to("/etc")
    os.link(data / "big", data / "again")
    with (data / "sparse").open("wb") as file:
        file.truncate(100 * disk.MEGABYTE)
    target = tmp_path / "disk.json"
    done = await cloudfreedom({}, "measure-disk", "--dir", str(tmp_path / "volumes"), "--file", str(target))
    assert done.code == Exit.DONE, done.text
    report = disk.read(target)
    assert report is not None
    assert report.volumes == {"uuid_data": 3}
    assert 0 < report.free_mb <= report.total_mb
    assert oct(target.stat().st_mode & 0o777) == "0o644"
    wrong = await cloudfreedom({}, "measure-disk", "--dir", str(tmp_path / "none"), "--file", str(target))
    assert (wrong.code, "DISK_NOT_MEASURED" in wrong.err) == (Exit.REFUSED, True), wrong.text
    assert disk.read(target) == report, "the old one stays"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": "x"}', '{"at": null, "volumes": []}'])
def test_a_report_that_cannot_be_read_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "disk.json").write_text(text)
    assert disk.read(tmp_path / "disk.json") is None
