"""What a person does in Coolify's own pages: noticed, put right where it is safe, else left to staff."""

from __future__ import annotations

from handlers import records
from tests.handlers.world import World


async def test_a_service_deleted_by_hand_blocks_its_stack_after_two_looks(world: World) -> None:
    stack = await world.running()
    uuid = world.service(stack).uuid
    world.coolify.hand.delete(uuid)
    world.coolify.calls.reset()
    await world.live(70)
    assert (await world.row(stack))["status"] == "running"
    await world.live(200)
    row = await world.row(stack)
    assert (row["status"], row["message"][:29]) == ("error", "Blocked: this needs the opera")
    assert row["error_message"].startswith("SERVICE_MISSING · the service is gone from Coolify")
    looks = [call.at for call in world.coolify.calls if call.route == "/services/{uuid}"]
    assert looks[-1] - looks[0] >= world.waits.two_looks
    await world.edit(stack, desired_state="suspended")
    await world.live(400)
    assert (world.effects(), world.services(stack)) == ([], [])


async def test_a_404_of_another_team_is_not_a_deletion(world: World) -> None:
    stack = await world.running()
    rows = world.coolify.world
    stranger = rows.add_user(rows.add_team("Other"))
    rows.tokens[world.coolify.token].user = stranger
    world.coolify.calls.reset()
    await world.live(400)
    assert (world.effects(), world.ledger(stack).blocked) == ([], "")
    rows.tokens[world.coolify.token].user = world.coolify.user
    await world.live(400)
    assert (await world.row(stack))["status"] == "running"


async def test_a_renamed_service_gets_its_name_back(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    name = service.name
    world.coolify.calls.reset()
    world.coolify.hand.edit(service.uuid, name="my bot")
    await world.live(70)
    assert (service.name, world.effects()) == (name, ["PATCH /services/{uuid}"])
    assert (await world.row(stack))["status"] == "running"
    assert [row["verb"] for row in await world.rows("stack_operations", "verb='service.rename'")]


async def test_a_service_renamed_while_it_is_suspended_gets_its_name_back(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    service = world.service(stack)
    name = service.name
    world.coolify.hand.edit(service.uuid, name="my bot")
    await world.live(70)
    assert (service.name, service.parts[0].runs) == (name, False)


async def test_an_edited_description_blocks_after_two_looks_and_has_no_effect(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    marker = service.description
    world.coolify.calls.reset()
    world.coolify.hand.edit(service.uuid, description="mine now")
    await world.poll()
    await world.edit(stack, desired_state="suspended")
    await world.live(300)
    row = await world.row(stack)
    assert row["error_message"].startswith("SERVICE_FOREIGN · the service's description is not ours any more")
    await world.edit(stack, desired_state="deleted")
    await world.live(300)
    assert (world.effects(), service.parts[0].runs) == ([], True)
    world.coolify.hand.edit(service.uuid, description=marker)
    await world.edit(stack, desired_state="running", action="retry")
    await world.live(200)
    row = await world.row(stack)
    assert (row["status"], row["action"], row["error_message"]) == ("running", "", "")


async def test_a_description_put_back_in_time_blocks_nothing(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    marker = service.description
    world.coolify.hand.edit(service.uuid, description="mine now")
    await world.poll()
    await world.edit(stack, desired_state="suspended")
    await world.settle(30)
    world.coolify.hand.edit(service.uuid, description=marker)
    await world.live(400)
    assert ((await world.row(stack))["status"], world.ledger(stack).blocked) == ("suspended", "")


async def test_retry_without_a_repair_blocks_again(world: World) -> None:
    stack = await world.running()
    world.coolify.hand.edit(world.service(stack).uuid, description="mine now")
    await world.poll()
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="suspended")
    await world.live(300)
    await world.edit(stack, action="retry")
    await world.live(300)
    assert (await world.row(stack))["error_message"].startswith("SERVICE_FOREIGN")
    assert world.effects() == []


async def test_a_clone_is_never_touched(world: World) -> None:
    stack = await world.running()
    twin = world.coolify.hand.clone(world.service(stack).uuid)
    world.coolify.calls.reset()
    for wish in ("suspended", "running", "deleted"):
        await world.edit(stack, desired_state=wish)
        await world.live(400)
    assert (await world.row(stack))["status"] == "deleted"
    assert all(twin not in call.path for call in world.coolify.calls)


async def test_a_second_service_with_the_same_name_and_marker_is_never_touched(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    twin = world.coolify.hand.clone(service.uuid)
    world.coolify.hand.edit(twin, name=service.name)
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="deleted")
    await world.live(400)
    assert (await world.row(stack))["status"] == "deleted"
    assert all(twin not in call.path for call in world.coolify.calls)


async def test_a_service_stopped_by_hand_is_started_again_after_a_while(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    world.coolify.hand.stop(world.service(stack).uuid)
    await world.live(100)
    row = await world.row(stack)
    assert (row["status"], row["message"][:36]) == ("error", "It does not run although it should. ")
    assert world.effects() == []
    await world.live(1200)
    assert (await world.row(stack))["status"] == "running"
    assert world.effects() == ["POST /services/{uuid}/restart"]


async def test_a_death_seen_while_others_are_busy_is_noticed_at_the_next_poll(world: World) -> None:
    stack = await world.running()
    await world.poll()
    world.coolify.hand.kill(world.service(stack).uuid)
    other = await world.running()
    await world.live(70)
    assert ((await world.row(stack))["status"], (await world.row(other))["status"]) == ("error", "running")


async def test_a_tenants_display_is_restored(world: World) -> None:
    await world.running()
    before = await world.row(world.tenant_id, records.TENANTS)
    wiped = dict.fromkeys(records.TENANT_DISPLAY, "")
    await world.edit(world.tenant_id, records.TENANTS, **wiped)
    await world.settle()
    after = await world.row(world.tenant_id, records.TENANTS)
    assert {field: after[field] for field in wiped} == {field: before[field] for field in wiped}
    assert all(before[field] for field in wiped)


async def test_a_service_that_exists_and_is_in_no_list_is_waited_for(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    rows = world.coolify.world
    service.server = rows.add_server(rows.add_team("Other"), "elsewhere")
    world.coolify.calls.reset()
    await world.live(300)
    row = await world.row(stack)
    assert (row["message"][:20], world.effects()) == ("Waiting for the list", [])
    assert world.ledger(stack).blocked == ""
    service.server = world.coolify.server
    await world.live(100)
    assert (await world.row(stack))["message"] == "Running."


async def test_a_retained_service_deleted_by_hand_is_closed(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.coolify.hand.delete(world.service(stack).uuid)
    world.coolify.calls.reset()
    await world.live(400)
    assert (world.ledger(stack).stage, world.effects()) == ("closed", [])
    await world.edit(stack, desired_state="running", action="restart")
    await world.live(100)
    row = await world.row(stack)
    assert (row["action"], row["status"], world.effects()) == ("", "deleted", [])
