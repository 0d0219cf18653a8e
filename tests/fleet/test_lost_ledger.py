"""The listener's ledger is lost, and what carries the full marker is known again without a question."""

from __future__ import annotations

from pathlib import Path

from listener.cli.exits import Exit
from listener.sandbox import people
from tests.faults.stage import NEW_STACK
from tests.fleet import fleet as fleets
from tests.fleet.fleet import Fleet


async def _lose_ledger(fleet: Fleet) -> None:
    """The daemon is down, and every row is gone."""
    await fleet.world.stop_daemon()
    for row in await fleet.rows("listener_ledger", fields="id"):
        await people.ask(fleet.admin, "DELETE", f"/api/collections/listener_ledger/records/{row['id']}")
    assert await fleet.rows("listener_ledger") == []


async def test_full_markers_are_believed_again_and_nothing_is_made_twice(tmp_path: Path) -> None:
    async with fleets.left_behind(tmp_path) as fleet:
        await fleet.accept()
        await fleet.world.start_daemon()
        made = await fleet.new_stack("rhea", "made")
        await fleet.until_shown([made], "running")
        await fleet.until_told()
        for words in (["--tenant", "acme"], [fleet.ids["acme-1"]], [fleet.ids["eden-1"]]):
            done = await fleet.cloudfreedom("adopt", *words, "--yes")
            assert done.code == Exit.DONE, done.text
        adopted = [fleet.ids["acme-1"], fleet.ids["eden-1"]]
        for stack in adopted:
            await fleet.until_message(stack, "Running.")
        tenants = {row["id"]: row["coolify_project_uuid"] for row in await fleet.rows("tenants")}
        before = [await fleet.substance(fleet.uuids[name]) for name in ("acme-1", "eden-1", "bolt-1")]
        uuids = {row["id"]: row["coolify_service_uuid"] for row in await fleet.rows("agent_stacks")}
        await _lose_ledger(fleet)
        deeds = await fleet.deeds()
        await fleet.world.start_daemon()

        async def is_known() -> bool:
            known = {row["id"] for row in await fleet.rows("listener_ledger", fields="id")}
            return {made, *adopted, fleet.ids["acme"], fleet.ids["rhea"]} <= known

        await fleet.until(is_known, "the ledger knows what carries a marker")
        await fleet.until_shown([made, *adopted], "running")
        await fleet.sweep()
        assert set(await fleet.deeds() - deeds) <= {"PATCH /services/{uuid}", *NEW_STACK} - {"POST /services"}
        assert [await fleet.substance(fleet.uuids[name]) for name in ("acme-1", "eden-1", "bolt-1")] == before
        assert uuids == {row["id"]: row["coolify_service_uuid"] for row in await fleet.rows("agent_stacks")}
        assert tenants == {row["id"]: row["coolify_project_uuid"] for row in await fleet.rows("tenants")}
        assert "FOREIGN_BORN" in (await fleet.record(fleet.ids["bolt-1"]))["error_message"]
        later = [await fleet.new_stack(slug, "later") for slug in ("acme", "rhea")]
        await fleet.until_shown(later, "running")
        places = [(await fleet.service(stack))["project_uuid"] for stack in later]
        assert places == [tenants[fleet.ids["acme"]], tenants[fleet.ids["rhea"]]]
        assert (await fleet.deeds() - deeds)["POST /projects"] == 0
