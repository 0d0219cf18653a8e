"""What is told while one side is away, or both."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from handlers import naming
from listener import errors
from listener.cli import markers
from listener.cli.exits import Exit
from listener.coolify import payloads
from listener.coolify.budget import Budget
from listener.coolify.client import Coolify as Client
from listener.sandbox import standin
from tests.cli.commands import together
from tests.cli.conftest import Coolify
from tests.cli.test_alone import known
from tests.fixtures import Database

NOWHERE = "http://127.0.0.1:9"
INST = "fakeinst"
COMPOSE = base64.b64encode(b'{"services":{"bot":{"image":"python:3.12-slim"}}}').decode()


@pytest.mark.long
async def test_without_pocketbase_the_markers_answer(
    database: Database, coolify: Coolify, alone: dict[str, str]
) -> None:
    record_id = await known(database, coolify, "bot")
    away = {**alone, "POCKETBASE_URL": NOWHERE}
    told = await together(away, "list --json", "status", f"explain {record_id}", "list --tenant other")
    assert [done.code for done in told] == [Exit.DONE] * 4, [done.text for done in told]
    for done in told:
        assert done.err.startswith("PocketBase is away (POCKETBASE_UNREACHABLE: "), done.err
    answer = json.loads(told[0].out)
    assert (answer["source"], answer["away"]) == ("markers", ["pocketbase"])
    (one,) = answer["stacks"]
    service = coolify.inside.service(one["service_uuid"])
    assert (one["id"], one["status"]) == (record_id, service.status)
    assert f"inst={one['inst']} stack={record_id} tenant={one['tenant']}" in service.description
    assert told[1].out.startswith("Listener   not known: PocketBase has the lease\nCoolify    4.3.10")
    assert record_id in told[1].out
    assert f"service {one['service_uuid']} shows {service.status}; inst {one['inst']}" in told[2].out
    assert told[3].out == "0 stacks.\n"


@pytest.mark.long
async def test_without_coolify_the_records_answer(
    database: Database, coolify: Coolify, alone: dict[str, str]
) -> None:
    record_id = await known(database, coolify, "bot", status="running", message="Running.")
    away = {**alone, "COOLIFY_URL": NOWHERE}
    told = await together(away, "list --json", "status", "explain bot", "explain bot --json")
    assert [done.code for done in told] == [Exit.DONE] * 4, [done.text for done in told]
    for done in told:
        assert done.err.startswith("Coolify is away (COOLIFY_UNREACHABLE: "), done.err
    answer = json.loads(told[0].out)
    assert (answer["source"], answer["away"]) == ("records", ["coolify"])
    assert [(one["id"], one["message"]) for one in answer["stacks"]] == [(record_id, "Running.")]
    assert "Coolify    COOLIFY_UNREACHABLE: " in told[1].out
    assert "Coolify    not known: it is away" in told[2].out
    account = json.loads(told[3].out)
    assert (account["away"], account["coolify"], account["now"]) == (["coolify"], None, None)
    assert account["ledger"]["template"] == "telegram-bot"


@pytest.mark.long
async def test_without_both_nothing_can_be_told(alone: dict[str, str]) -> None:
    nowhere = {**alone, "POCKETBASE_URL": NOWHERE, "COOLIFY_URL": NOWHERE}
    for done in await together(nowhere, "list", "explain bot --json"):
        assert (done.code, done.out) == (Exit.UNAVAILABLE, ""), done.text
        assert done.err.startswith("error BOTH_AWAY: neither PocketBase nor Coolify answers")
        assert "POCKETBASE_UNREACHABLE" in done.err
        assert "COOLIFY_UNREACHABLE" in done.err


async def test_who_knows_no_coolify_hears_that_pocketbase_is_away(alone: dict[str, str]) -> None:
    env = {"POCKETBASE_URL": NOWHERE, "POCKETBASE_PASSWORD": alone["POCKETBASE_PASSWORD"]}
    (done,) = await together(env, "list")
    assert (done.code, done.err.split()[1]) == (Exit.UNAVAILABLE, "POCKETBASE_UNREACHABLE:"), done.text


@dataclass(frozen=True)
class Place:
    """A Coolify in process, and the client that commands would use."""

    inside: standin.StandIn
    coolify: Client

    async def project(self, slug: str, tenant: str) -> None:
        """A tenant's project as the listener makes it."""
        marker = naming.Marker(INST, tenant)
        await self.coolify.create_project(naming.project_name(slug, tenant), str(marker))

    async def service(self, name: str, description: str) -> None:
        """A service in a project of somebody's."""
        project = await self.coolify.create_project("any", "")
        server = self.inside.server.uuid
        new = payloads.NewService(name, description, project, server, "production", COMPOSE)
        await self.coolify.create_service(new)

    async def stack(self, slug: str, name: str, record_id: str, tenant: str) -> None:
        """A service as the listener makes it."""
        marker = naming.Marker(INST, tenant, record_id)
        await self.service(naming.service_name(slug, name, record_id), str(marker))


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    """An empty one."""
    inside = standin.StandIn()
    headers = {"Authorization": f"Bearer {inside.token}"}
    wire = httpx.ASGITransport(inside.app)
    async with httpx.AsyncClient(transport=wire, base_url="http://coolify", headers=headers) as http:
        yield Place(inside, Client(http=http, budget=Budget(clock=time.monotonic)))


ONE, TWO, THREE = "a" * 15, "b" * 15, "c" * 15
"""Record ids."""


async def test_a_name_that_fits_one_project_costs_no_further_call(place: Place) -> None:
    await place.project("acme", "t1")
    await place.stack("acme", "my-bot", ONE, "t1")
    place.inside.calls.reset()
    (one,) = await markers.services(place.coolify)
    assert (one.name, one.inst, one.id) == ("acme/my-bot", INST, ONE)
    assert [call.route for call in place.inside.calls if call.route == "/services/{uuid}"] == []


async def test_a_name_that_fits_two_projects_is_settled_by_the_description(place: Place) -> None:
    await place.project("acme", "t1")
    await place.project("acme-two", "t2")
    await place.stack("acme", "two-bot", ONE, "t1")
    await place.stack("acme-two", "bot", TWO, "t2")
    await place.service(naming.service_name("acme-two", "lookalike", THREE), "made by hand")
    names = {one.id: one.name for one in await markers.services(place.coolify)}
    assert names == {ONE: "acme/two-bot", TWO: "acme-two/bot"}


async def test_a_stack_without_a_marked_project_goes_by_its_tenants_id(place: Place) -> None:
    await place.stack("acme", "bot", ONE, "t1")
    (one,) = await markers.services(place.coolify)
    assert (one.tenant, one.stack) == ("t1", "acme-bot")


async def test_what_is_not_named_as_ours_is_not_shown(place: Place) -> None:
    await place.project("acme", "t1")
    for name in (f"cf-acme-bot-{ONE}-clone-{'z' * 24}", "wordpress", "cf-acme-bot", f"acme-bot-{ONE}"):
        await place.service(name, str(naming.Marker(INST, "t1", ONE)))
    assert await markers.services(place.coolify) == []


def test_a_marked_stack_is_picked_by_id_by_tenant_or_by_a_unique_name() -> None:
    found = [
        markers.Marked(ONE, "acme", "bot", "running:healthy", INST, "u1"),
        markers.Marked(TWO, "bolt", "bot", "exited", INST, "u2"),
    ]
    assert [markers.pick(found, name).id for name in (ONE, "acme/bot", "bolt/bot")] == [ONE, ONE, TWO]
    for named, code in (("bot", "STACK_AMBIGUOUS"), ("none", "STACK_UNKNOWN")):
        with pytest.raises(errors.Terminal) as caught:
            markers.pick(found, named)
        assert caught.value.code == code
