"""A stack's history on the command line: the sentences that its tenant reads."""

from __future__ import annotations

import json

from listener.cli.exits import Exit
from listener.sandbox.world import World
from tests import fixtures
from tests.cli.commands import together
from tests.cli.test_world import running


async def test_the_timeline_is_printed_as_the_tenant_reads_it(world: World) -> None:
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as admin:
        record_id = await running(admin, "reads")
    text, one, unknown = await together(
        world.env, "timeline reads/bot", f"timeline {record_id} --lines 1 --json", "timeline nobody"
    )
    assert text.code == Exit.DONE, text.text
    head, *lines = text.out.splitlines()
    assert head.split() == ["AT", "BY", "TEXT"]
    assert lines[-1].endswith("listener  Running.")
    assert any(line.endswith("Being set up.") for line in lines)
    (last,) = json.loads(one.out)
    assert (last["text"], last["verb"], last["by"]) == ("Running.", "state", "listener")
    assert unknown.code != Exit.DONE


async def test_the_listener_writes_down_in_which_language_people_read(world: World) -> None:
    path = "/api/collections/listener_meta/records/main"
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as admin:
        assert (await admin.get(path)).json()["language"] == world.env.get("LISTENER_LANGUAGE", "en")
