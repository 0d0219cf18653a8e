"""`cloudfreedom adopt --tenant`: both sides are shown, name and description stamped; a shared one never."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from listener.cli.exits import Exit
from listener.sandbox import people
from tests.fleet.fleet import RUNNING, Fleet

pytestmark = pytest.mark.asyncio(loop_scope="package")
PATCH = "PATCH /projects/{uuid}"


async def _project(fleet: Fleet, uuid: str) -> Any:
    async with fleet.coolify() as http:
        return (await http.get(f"/projects/{uuid}")).json()


async def test_a_project_is_stamped_and_nothing_in_it_is_touched(fleet: Fleet) -> None:
    project, uuid = fleet.projects[0], fleet.uuids["acme-1"]
    before, substance = await _project(fleet, project), await fleet.substance(uuid)
    service, deeds = await fleet.service_of(uuid), await fleet.deeds()
    done = await fleet.cloudfreedom("adopt", "--tenant", "acme", "--yes")
    assert done.code == Exit.DONE, done.text
    for shown in (
        "acme",
        "Acme",
        "acme/cf-acme-1",
        "cf-tenant-acme",
        project,
        "made by the provisioner",
        uuid,
    ):
        assert shown in done.out
    after = await _project(fleet, project)
    assert after["name"] == f"cf-acme-{fleet.ids['acme']}"
    assert f"tenant={fleet.ids['acme']} managed by CloudFreedom" in after["description"]
    stamped = {"name", "description", "updated_at"}
    assert {k: v for k, v in after.items() if k not in stamped} == {
        k: v for k, v in before.items() if k not in stamped
    }
    assert (await fleet.substance(uuid), await fleet.service_of(uuid)) == (
        substance,
        {**service, "project": after["name"]},
    )
    assert await fleet.deeds() - deeds == Counter({PATCH: 1})
    trail = [row for row in await fleet.rows("stack_operations") if row["tenant_id"] == fleet.ids["acme"]]
    assert [row["outcome"] for row in trail if row["verb"] == "project.adopt"] == ["started", "done"]
    again = await fleet.cloudfreedom("adopt", "--tenant", "acme", "--yes")
    assert again.code == Exit.DONE, again.text
    assert (await _project(fleet, project))["name"] == after["name"]
    named = ("--project", fleet.projects[2])
    other = await fleet.cloudfreedom("adopt", "--tenant", "acme", *named, "--yes")
    assert (other.code, "knows this tenant's project already" in other.err) == (Exit.REFUSED, True), (
        other.text
    )


async def test_two_projects_that_match_are_left_to_a_person_who_names_one(fleet: Fleet) -> None:
    deeds = await fleet.deeds()
    refused = await fleet.cloudfreedom("adopt", "--tenant", "dune", "--yes")
    assert refused.code == Exit.REFUSED, refused.text
    assert "2 projects match: cf-tenant-dune" in refused.err
    assert all(uuid in refused.err for uuid in fleet.projects[3:5])
    assert await fleet.deeds() == deeds
    done = await fleet.cloudfreedom("adopt", "--tenant", "dune", "--project", fleet.projects[4], "--yes")
    assert done.code == Exit.DONE, done.text
    assert (await _project(fleet, fleet.projects[4]))["name"] == f"cf-dune-{fleet.ids['dune']}"
    assert (await _project(fleet, fleet.projects[3]))["name"] == "cf-tenant-dune"


async def test_a_shared_project_is_refused_and_the_others_are_named(fleet: Fleet) -> None:
    done = await fleet.cloudfreedom("adopt", "--tenant", "rolf", "--project", fleet.projects[5], "--yes")
    assert (done.code, "the project is shared" in done.err) == (Exit.REFUSED, True), done.text
    assert "acme/cf-acme-2" in done.err
    assert "eden/cf-eden-1" in done.err


async def test_a_project_that_does_not_exist_is_refused(fleet: Fleet) -> None:
    done = await fleet.cloudfreedom("adopt", "--tenant", "rolf", "--project", "z" * 24, "--yes")
    assert (done.code, f"no project {'z' * 24}" in done.err) == (Exit.REFUSED, True), done.text


@pytest.mark.parametrize("foreign", ["inst", "tenant"])
async def test_a_project_with_anothers_marker_is_refused(fleet: Fleet, foreign: str) -> None:
    meta = await people.ask(fleet.admin, "GET", "/api/collections/listener_meta/records/main")
    inst, tenant = meta["inst"], fleet.ids["rolf"]
    inst, tenant = ("zzzzzzzz", tenant) if foreign == "inst" else (inst, fleet.ids["bolt"])
    text = f"cf1 inst={inst} tenant={tenant} managed by CloudFreedom - do not edit"
    async with fleet.coolify() as http:
        made = (await http.post("/projects", json={"name": "not-his", "description": text})).json()["uuid"]
    deeds = await fleet.deeds()
    done = await fleet.cloudfreedom("adopt", "--tenant", "rolf", "--project", made, "--yes")
    assert (done.code, "marker of another installation or tenant" in done.err) == (Exit.REFUSED, True), (
        done.text
    )
    answer = await fleet.request("adopt_project", fleet.ids["rolf"], project=made)
    assert (answer["state"], "ADOPT_REFUSED" in answer["result"]) == ("refused", True), answer
    assert await fleet.deeds() == deeds


async def test_without_a_terminal_nothing_is_adopted_unasked(fleet: Fleet) -> None:
    async with fleet.coolify() as http:
        made = (await http.post("/projects", json={"name": "empty"})).json()["uuid"]
    deeds = await fleet.deeds()
    done = await fleet.cloudfreedom("adopt", "--tenant", "rolf", "--project", made)
    assert (done.code, "CONFIRMATION_NEEDED" in done.err) == (Exit.USAGE, True), done.text
    assert await fleet.deeds() == deeds


@pytest.mark.parametrize(
    "words", ["", "cf-acme-1 --tenant acme", "cf-acme-1 --project x", "--tenant a --service x"]
)
async def test_adopt_wants_a_stack_or_a_tenant(fleet: Fleet, words: str) -> None:
    done = await fleet.cloudfreedom("adopt", *words.split(), "--yes")
    assert (done.code, "give STACK" in done.err) == (Exit.USAGE, True), done.text
    assert len(RUNNING) <= len(await fleet.services())
