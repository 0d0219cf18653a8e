"""`cloudfreedom adopt STACK` in an older fleet: where it is, as it is; its first change waits for a word."""

from __future__ import annotations

from collections import Counter

import pytest

from listener.cli.exits import Exit
from listener.sandbox import people
from tests.faults.stage import UNDER_WAY
from tests.fleet.fleet import Fleet

pytestmark = pytest.mark.asyncio(loop_scope="package")
PATCH = "PATCH /services/{uuid}"


async def _refused(fleet: Fleet, name: str, why: str) -> None:
    deeds, services = await fleet.deeds(), await fleet.services()
    done = await fleet.cloudfreedom("adopt", fleet.ids[name], "--yes")
    assert (done.code, why in done.out) == (Exit.REFUSED, True), done.text
    assert (await fleet.deeds(), await fleet.services()) == (deeds, services)


async def test_an_application_is_refused(fleet: Fleet) -> None:
    await _refused(fleet, "coda-application", "is in Coolify as application, not as a service")


async def test_a_service_with_anothers_marker_is_refused(fleet: Fleet) -> None:
    uuid, text = fleet.uuids["dune-1"], "cf1 inst={} stack={} tenant={} managed by CloudFreedom - do not edit"
    text = text.format("zzzzzzzz", fleet.ids["dune-1"], fleet.ids["dune"])
    await people.ask(
        fleet.standin, "POST", "/_standin/hand", {"do": "edit", "uuid": uuid, "description": text}
    )
    deeds = await fleet.deeds()
    done = await fleet.cloudfreedom("adopt", fleet.ids["dune-1"], "--yes")
    assert (done.code, "marker of another installation" in done.out) == (Exit.REFUSED, True), done.text
    assert await fleet.deeds() == deeds


async def test_two_records_that_name_one_service_are_told_apart_by_its_name(fleet: Fleet) -> None:
    """A record of another tenant's that names the service, too, keeps nobody from adopting his own."""
    uuid = fleet.uuids["acme-1"]
    before, deeds = await fleet.substance(uuid), await fleet.deeds()
    done = await fleet.cloudfreedom("adopt", "acme/cf-acme-1", "--yes")
    assert done.code == Exit.DONE, done.text
    for shown in ("acme/cf-acme-1", "cf-acme-1", uuid, fleet.projects[0]):
        assert shown in done.out
    await fleet.until_message(fleet.ids["acme-1"], "Running.")
    assert await fleet.deeds() - deeds == Counter({PATCH: 1})
    assert await fleet.substance(uuid) == before
    service = await fleet.service_of(uuid)
    assert service["name"] == f"cf-acme-cf-acme-1-{fleet.ids['acme-1']}"
    assert f"stack={fleet.ids['acme-1']} tenant={fleet.ids['acme']} " in service["description"]


async def test_services_in_a_shared_project_are_adopted_where_they_are(fleet: Fleet) -> None:
    for name in ("acme-2", "eden-1"):
        uuid = fleet.uuids[name]
        before = await fleet.substance(uuid)
        done = await fleet.cloudfreedom("adopt", fleet.ids[name], "--yes")
        assert done.code == Exit.DONE, done.text
        await fleet.until_message(fleet.ids[name], "Running.")
        assert await fleet.substance(uuid) == before
        assert (await fleet.service_of(uuid))["project_uuid"] == fleet.projects[5]
        assert (await fleet.record(fleet.ids[name]))["coolify_project_uuid"] == fleet.projects[5]


async def test_the_first_change_of_an_adopted_stack_waits_for_approve(fleet: Fleet) -> None:
    stack, uuid = fleet.ids["bolt-1"], fleet.uuids["bolt-1"]
    assert (await fleet.cloudfreedom("adopt", stack, "--yes")).code == Exit.DONE
    await fleet.until_message(stack, "Running.")
    before, deeds = await fleet.substance(uuid), await fleet.deeds()
    record = await fleet.record(stack)
    env = {**record["config"]["env_vars"], "ALLOWED_USER_IDS": "4711"}
    await fleet.change(stack, config={"env_vars": env})
    await fleet.until_message(stack, "Waiting for the operator's approval: a change would replace")
    assert "run `cloudfreedom approve`" in (await fleet.record(stack))["error_message"]
    assert (await fleet.substance(uuid), await fleet.deeds()) == (before, deeds)
    done = await fleet.cloudfreedom("approve", stack, "--yes")
    assert done.code == Exit.DONE, done.text
    await fleet.until_message(stack, "Running.")
    after = await fleet.substance(uuid)
    assert after["service"]["docker_compose_raw"] != before["service"]["docker_compose_raw"]
    assert ("ALLOWED_USER_IDS", "4711") in {(row["key"], row["value"]) for row in after["envs"]}
    assert {PATCH, "POST /services/{uuid}/restart"} < set(await fleet.deeds() - deeds)
    record = await fleet.record(stack)
    assert (record["template_version"], record["error_message"]) == ("1.0.0", "")


@pytest.mark.parametrize(
    ("name", "why"),
    [("coda-gone", "Coolify has no service"), ("coda-theirs", "the service belongs to stack")],
)
async def test_what_is_not_the_stacks_service_is_refused_and_a_new_one_is_made_by_command(
    fleet: Fleet, name: str, why: str
) -> None:
    await _refused(fleet, name, why)
    theirs = await fleet.substance(fleet.uuids["acme-1"])
    done = await fleet.cloudfreedom("recreate", fleet.ids[name], "--yes")
    assert done.code == Exit.DONE, done.text
    record = await fleet.record(fleet.ids[name])
    assert record["status"] in {*UNDER_WAY, "running"}
    if record["status"] == "pending":
        await fleet.cloudfreedom("adopt", "--tenant", "coda", "--yes")
    await fleet.until_shown([fleet.ids[name]], "running")
    service = await fleet.service(fleet.ids[name])
    assert service["uuid"] not in fleet.uuids.values()
    assert service["project_uuid"] == fleet.projects[2]
    assert await fleet.substance(fleet.uuids["acme-1"]) == theirs


@pytest.mark.parametrize(
    ("name", "why"), [("coda-application", "as application"), ("dune-1", "still in Coolify")]
)
async def test_nothing_is_made_anew_beside_what_is_there(fleet: Fleet, name: str, why: str) -> None:
    deeds = await fleet.deeds()
    done = await fleet.cloudfreedom("recreate", fleet.ids[name], "--yes")
    assert (done.code, why in done.out) == (Exit.REFUSED, True), done.text
    assert await fleet.deeds() == deeds
