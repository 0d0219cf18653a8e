"""The calls: what they send, what they make of the answer, and what they raise when there is none."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from listener import errors
from listener.coolify import payloads
from listener.coolify.budget import Budget
from listener.coolify.client import Coolify
from listener.sandbox.standin.faults import Reply
from tests.coolify.conftest import Rig

pytestmark = pytest.mark.looptime

COMPOSE = {"services": {"web": {"image": "nginx:1", "environment": {"TOKEN": "${TOKEN}"}}}}


def new(rig: Rig, project: str, **more: Any) -> payloads.NewService:
    """A service to create."""
    compose = base64.b64encode(json.dumps(COMPOSE).encode()).decode()
    return payloads.NewService(
        name="cf-web", description="cf1 mine", project_uuid=project, server_uuid=rig.standin.server.uuid,
        environment="production", compose=compose, **more,
    )  # fmt: skip


async def service(rig: Rig, **more: Any) -> str:
    """The uuid of a new service in a new project."""
    project = await rig.coolify.create_project("cf-p", "cf1 p")
    return await rig.coolify.create_service(new(rig, project, **more))


async def test_version_team_servers_and_projects_are_read(rig: Rig) -> None:
    assert await rig.coolify.version() == "4.3.10"
    assert await rig.coolify.team() == payloads.Team(0, "Root Team")
    (server,) = await rig.coolify.servers()
    assert (server.uuid, server.is_usable, server.is_reachable) == (rig.standin.server.uuid, True, True)
    assert not server.prunes_volumes
    (network,) = rig.standin.server.destinations
    assert await rig.coolify.destinations(server.uuid) == [payloads.Destination(network.uuid, "coolify")]
    rig.standin.server.delete_unused_volumes = True
    assert (await rig.coolify.servers())[0].prunes_volumes
    uuid = await rig.coolify.create_project("cf-p", "cf1 p")
    assert await rig.coolify.projects() == [payloads.Project(uuid, "cf-p", "cf1 p")]


async def test_the_same_name_twice_makes_two(rig: Rig) -> None:
    assert await rig.coolify.create_project("cf-p", "") != await rig.coolify.create_project("cf-p", "")
    project = await rig.coolify.create_project("cf-q", "")
    both = [await rig.coolify.create_service(new(rig, project)) for _ in range(2)]
    assert len(set(both)) == 2


async def test_a_service_is_created_stopped_and_listed_with_its_server(rig: Rig) -> None:
    uuid = await service(rig, urls=(("web", "https://one.example.org:80"),))
    assert rig.standin.service(uuid).ups == 0
    (call,) = [one for one in rig.standin.calls if one.route == "/services"]
    assert not {"type", "instant_deploy", "uuid", "connect_to_docker_network"} & set(call.keys)
    (entry,) = await rig.coolify.services_on(rig.standin.server.uuid)
    assert (entry.uuid, entry.name, entry.status) == (uuid, "cf-web", "exited")
    assert entry.server_uuid == rig.standin.server.uuid
    detail = await rig.coolify.service(uuid)
    assert detail is not None
    assert (detail.description, detail.server_status) == ("cf1 mine", True)
    assert detail.containers == (("web", "exited"),)


async def test_a_destination_is_named_where_a_server_has_several(rig: Rig) -> None:
    two = rig.standin.world.add_server(rig.standin.team, "two", destinations=2)
    project = await rig.coolify.create_project("cf-p", "")
    wanted = payloads.NewService("n", "d", project, two.uuid, "production", new(rig, project).compose)
    with pytest.raises(errors.UpstreamRefusal, match="multiple destinations"):
        await rig.coolify.create_service(wanted)
    uuid = two.destinations[1].uuid
    wanted = payloads.NewService("n", "d", project, two.uuid, "production", wanted.compose, (), uuid)
    assert rig.standin.service(await rig.coolify.create_service(wanted)).destination is two.destinations[1]


async def test_a_missing_service_is_none(rig: Rig) -> None:
    assert await rig.coolify.service("nobody") is None


async def test_a_patch_saves_what_is_given_and_an_empty_url_clears_the_domain(rig: Rig) -> None:
    uuid = await service(rig, urls=(("web", "https://one.example.org:80"),))
    await rig.coolify.patch_service(uuid, name="other", description="text", urls=(("web", ""),))
    found = rig.standin.service(uuid)
    assert (found.name, found.description, found.parts[0].fqdn) == ("other", "text", None)
    document = {"services": {"web": {"image": "nginx:2"}}}
    await rig.coolify.patch_service(uuid, compose=base64.b64encode(json.dumps(document).encode()).decode())
    assert found.parts[0].image == "nginx:2"
    assert found.name == "other"


async def test_a_patch_refused_for_its_url_has_saved_the_rest(rig: Rig) -> None:
    await service(rig, urls=(("web", "https://one.example.org:80"),))
    uuid = await service(rig)
    with pytest.raises(errors.UpstreamRefusal, match=r"409 .*held by cf-web") as caught:
        await rig.coolify.patch_service(uuid, name="other", urls=(("web", "https://one.example.org:80"),))
    assert (caught.value.code, caught.value.status) == ("COOLIFY_CONFLICT", 409)
    assert rig.standin.service(uuid).name == "other"


async def test_variables_are_literal_upserts_that_delete_nothing(rig: Rig) -> None:
    uuid = await service(rig)
    await rig.coolify.put_envs(uuid, [payloads.Env("TOKEN", "a$b#c"), payloads.Env("TEXT", "1\n2", True)])
    await rig.coolify.put_envs(uuid, [payloads.Env("TOKEN", "new")])
    rows = {one.key: one for one in rig.standin.service(uuid).variables}
    assert {key: row.value for key, row in rows.items()} == {"TOKEN": "new", "TEXT": "1\n2"}
    assert (rows["TOKEN"].is_literal, rows["TEXT"].is_multiline) == (True, True)
    known = await rig.coolify.env_keys(uuid)
    await rig.coolify.delete_env(uuid, known["TEXT"])
    await rig.coolify.delete_env(uuid, known["TEXT"])
    assert set(await rig.coolify.env_keys(uuid)) == {"TOKEN"}


async def test_no_variables_are_no_request(rig: Rig) -> None:
    await rig.coolify.put_envs("nobody", [])
    assert len(rig.standin.calls) == 0


async def test_a_stop_leaves_the_servers_images_alone(rig: Rig) -> None:
    uuid = await service(rig)
    await rig.coolify.restart(uuid)
    await rig.standin.run_jobs()
    await rig.coolify.stop(uuid)
    await rig.standin.run_jobs()
    assert (rig.standin.service(uuid).status, rig.standin.server.prunes) == ("exited", 0)


async def test_already_stopped_is_no_error_and_another_400_is(rig: Rig) -> None:
    uuid = await service(rig)
    await rig.coolify.stop(uuid)
    rig.standin.faults.add("POST", "/stop$", reply=400)
    with pytest.raises(errors.UpstreamRefusal, match="stop of"):
        await rig.coolify.stop(uuid)


@pytest.mark.parametrize("reply", ["drop", 500, 503, "garbage"], ids=str)
@pytest.mark.parametrize("effect", [True, False], ids=["with-effect", "without"])
async def test_a_create_without_a_usable_answer_is_ambiguous_and_not_repeated(
    rig: Rig, reply: Reply, effect: bool
) -> None:
    project = await rig.coolify.create_project("cf-p", "")
    rig.standin.faults.add("POST", "^/services$", effect=effect, reply=reply)
    with pytest.raises(errors.Ambiguous):
        await rig.coolify.create_service(new(rig, project))
    assert rig.standin.calls.count("POST", "/services") == 1
    assert len(rig.standin.services()) == effect


async def test_a_201_without_a_uuid_is_ambiguous(rig: Rig) -> None:
    fault = rig.standin.faults.add("POST", "^/projects$", effect=True, reply=201)
    for body in ("{}", '{"uuid":null}', "[]", '{"uuid":7}'):
        fault.times, fault.body = 1, body
        with pytest.raises(errors.Ambiguous) as caught:
            await rig.coolify.create_project("cf-p", "")
        assert caught.value.code == "COOLIFY_NO_UUID"


async def test_reads_are_repeated_and_effects_are_not(rig: Rig) -> None:
    uuid = await service(rig)
    rig.standin.calls.reset()
    rig.standin.faults.add("", f"^/services/{uuid}", times=2, reply="drop")
    assert await rig.coolify.service(uuid) is not None
    rig.standin.faults.add("", f"^/services/{uuid}", times=2, reply=500)
    with pytest.raises(errors.Ambiguous):
        await rig.coolify.restart(uuid)
    with pytest.raises(errors.Ambiguous):
        await rig.coolify.stop(uuid)
    assert [call.method for call in rig.standin.calls] == ["GET", "GET", "GET", "POST", "POST"]


async def test_a_read_that_stays_without_an_answer_is_unavailable(rig: Rig) -> None:
    rig.standin.faults.add("GET", "^/servers$", times=9, reply=502)
    with pytest.raises(errors.UpstreamUnavailable, match="HTTP 502"):
        await rig.coolify.servers()
    assert rig.standin.calls.count() == 3


@pytest.mark.parametrize("body", ["<html>", "{}", '["x"]', '[{"name":"no uuid"}]', '[{"uuid":7}]'])
async def test_a_list_that_cannot_be_read_is_unavailable(rig: Rig, body: str) -> None:
    rig.standin.faults.add("GET", "^/servers$", reply=200).body = body
    with pytest.raises(errors.UpstreamUnavailable) as caught:
        await rig.coolify.servers()
    assert caught.value.code == "COOLIFY_UNREADABLE"


async def test_an_object_that_cannot_be_read_is_unavailable(rig: Rig) -> None:
    rig.standin.faults.add("GET", "^/teams/current$", reply=200).body = "[]"
    with pytest.raises(errors.UpstreamUnavailable, match="an object was expected"):
        await rig.coolify.team()


async def test_what_was_never_sent_is_not_ambiguous() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse), base_url="http://c.example") as http:
        coolify = Coolify(http=http, budget=Budget(clock=lambda: 0.0))
        with pytest.raises(errors.UpstreamUnavailable) as caught:
            await coolify.restart("uuid")
    assert caught.value.code == "COOLIFY_UNREACHABLE"
