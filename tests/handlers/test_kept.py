"""Kept secrets: made once and sealed before anything is sent, and the same through a stack's whole life."""

from __future__ import annotations

from dataclasses import replace

from handlers import vault
from handlers.stacks.access import Accesses
from listener.secrets import sealing
from tests.handlers.asking import ask
from tests.handlers.world import World

AGENT = "openclaw-agent"
KEY = {"env_vars": {"CLOUDFREEDOM_API_KEY": "fake-router-key"}}
MADE = ("HOOKS_TOKEN", "SESSION_KEY")


def sent(world: World, stack: str) -> dict[str, str]:
    """The variables that Coolify has a value of."""
    return {one.key: one.value for one in world.service(stack).variables if one.value}


async def sealed_with(world: World, *keys: str) -> None:
    """The listener is started anew with these keys."""
    world.place = replace(world.place, sealer=sealing.Sealer(keys))
    await world.restart()


async def test_generated_secrets_are_kept_sealed_before_anything_is_sent(world: World) -> None:
    stack = await world.stack(AGENT, config=KEY)
    world.coolify.faults.add("POST", "^/services$", times=99, reply=500, effect=False)
    await world.settle(60)
    rows = await world.rows(vault.COLLECTION)
    assert {(row["stack_id"], row["tenant_id"], row["name"], row["generation"]) for row in rows} == {
        (stack, world.tenant_id, name, 1) for name in MADE
    }
    opened = {row["name"]: world.place.sealer.open(row["value"]) for row in rows}
    assert [len(opened[name]) for name in MADE] == [43, 64]
    world.coolify.faults.clear()
    await world.settle()
    assert sent(world, stack) == {"CLOUDFREEDOM_API_KEY": "fake-router-key", **opened}
    (made,) = [row for row in await world.rows("stack_operations") if row["verb"] == "secrets.make"]
    assert made["detail"] == {"names": list(MADE)}
    operations = str(await world.rows("stack_operations"))
    assert not [name for name, value in opened.items() if value in operations]


async def test_they_survive_an_edit_a_suspension_a_lost_ledger_and_another_process(world: World) -> None:
    stack = await world.running(AGENT, config=KEY)
    made = {name: sent(world, stack)[name] for name in MADE}
    await world.edit(stack, config={"env_vars": {"CLOUDFREEDOM_API_KEY": "fake-other"}})
    await world.settle()
    await world.edit(stack, desired_state="suspended")
    await world.live(400)
    await world.restart()
    await world.edit(stack, desired_state="running")
    await world.live(60)
    await world.admin.delete(f"/api/collections/listener_ledger/records/{stack}")
    await world.restart()
    await world.edit(stack, config=KEY)
    await world.live(60)
    assert sent(world, stack) == {"CLOUDFREEDOM_API_KEY": "fake-router-key", **made}
    assert {row["generation"] for row in await world.rows(vault.COLLECTION)} == {1}


async def test_they_survive_recreate(world: World) -> None:
    stack = await world.running(AGENT, config=KEY)
    made = sent(world, stack)
    world.coolify.hand.delete(world.service(stack).uuid)
    await world.edit(stack, action="redeploy")
    await world.live(400)
    assert (await ask(world, "recreate", stack))["state"] == "done"
    await world.live(300)
    assert sent(world, stack) == made


async def test_a_cut_while_they_are_saved_makes_no_second_ones(world: World) -> None:
    stack = await world.stack(AGENT, config=KEY)
    await world.settle(0)
    world.scissors.set(1, after=True)
    await world.settle()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert {row["generation"] for row in await world.rows(vault.COLLECTION)} == {1}


async def test_a_purged_stack_leaves_none(world: World) -> None:
    stack = await world.running(AGENT, config=KEY)
    await world.edit(stack, desired_state="deleted")
    await world.live(400)
    assert len(await world.rows(vault.COLLECTION)) == len(MADE)
    await ask(world, "purge", stack)
    await world.live(8000)
    assert world.ledger(stack).stage == "closed"
    assert await world.rows(vault.COLLECTION) == []


async def test_the_routers_key_of_the_tenant_serves_its_stacks_until_one_has_its_own(world: World) -> None:
    stack = await world.stack(AGENT, config={})
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["message"]) == ("error", "CLOUDFREEDOM_API_KEY is missing.")
    assert world.coolify.services() == []
    sealed = world.place.sealer.seal("fake-tenants-key")
    done = await ask(world, "secret_set", world.tenant_id, name="CLOUDFREEDOM_API_KEY", value=sealed)
    assert (done["state"], done["arguments"]) == ("done", None)
    await world.settle()
    assert sent(world, stack)["CLOUDFREEDOM_API_KEY"] == "fake-tenants-key"
    await world.edit(stack, config={"env_vars": {"OPENAI_API_KEY": "fake-own"}})
    await world.settle()
    assert sent(world, stack)["CLOUDFREEDOM_API_KEY"] == "fake-own"


async def test_a_secret_is_set_and_made_anew_by_request(world: World) -> None:
    stack = await world.running(AGENT, config=KEY)
    before = sent(world, stack)
    seal = world.place.sealer.seal
    assert (await ask(world, "secret_set", stack, name="LICENCE", value=seal("fake-l")))["state"] == "done"
    assert (await ask(world, "secret_rotate", stack, name="HOOKS_TOKEN"))["state"] == "done"
    await world.live(60)
    after = sent(world, stack)
    assert after["LICENCE"] == "fake-l"
    assert after["HOOKS_TOKEN"] != before["HOOKS_TOKEN"]
    assert after["SESSION_KEY"] == before["SESSION_KEY"]
    assert (await world.row(stack))["status"] == "running"


async def test_what_a_request_may_not_do_is_refused(world: World) -> None:
    stack = await world.running(AGENT, config=KEY)
    seal, effects = world.place.sealer.seal("fake-x"), len(world.effects())
    for verb, target, name, why in (
        ("secret_set", stack, "NONE", "NONE is not a variable of openclaw-agent"),
        ("secret_set", stack, "HOOKS_TOKEN", "a value of one's own needs --force"),
        ("secret_set", "nobody", "X", "there is no stack and no tenant of that id"),
        ("secret_rotate", stack, "LICENCE", "set it to its new value"),
        ("secret_rotate", stack, "SESSION_KEY", "is lost with a new one"),
        ("secret_rotate", world.tenant_id, "X", "only a stack's generated secrets"),
    ):
        row = await ask(world, verb, target, name=name, value=seal)
        assert row["state"] == "refused"
        assert why in row["result"]
        assert row["arguments"] is None
    assert len(world.effects()) == effects
    forced = await ask(world, "secret_rotate", stack, name="SESSION_KEY", force="yes")
    assert forced["state"] == "done"


async def test_a_seal_that_cannot_be_opened_stops_one_stack_and_says_which_secret(world: World) -> None:
    stack, other = await world.running(AGENT, config=KEY), await world.running()
    (row, *_) = [row for row in await world.rows(vault.COLLECTION) if row["name"] == "SESSION_KEY"]
    broken = await world.admin.patch(
        f"/api/collections/{vault.COLLECTION}/records/{row['id']}", json={"value": "fake"}
    )
    assert broken.status_code == 200, broken.text
    await world.restart()
    await world.edit(stack, action="redeploy")
    await world.edit(other, action="redeploy")
    await world.live(60)
    shown = await world.row(stack)
    assert (shown["status"], shown["message"]) == ("error", "A sealed value cannot be opened.")
    assert f"SESSION_KEY of {stack}" in shown["error_message"]
    assert (await world.row(other))["status"] == "running"


async def test_everything_is_sealed_with_a_new_first_key(world: World) -> None:
    old, new = sealing.new_key(), sealing.new_key()
    await sealed_with(world, old)
    stack = await world.running(AGENT, config=KEY)
    made = sent(world, stack)
    await sealed_with(world, new, old)
    assert (await ask(world, "secrets_reseal", ""))["state"] == "done"
    await sealed_with(world, new)
    await world.edit(stack, action="redeploy")
    await world.live(60)
    assert (await world.row(stack))["status"] == "running"
    assert sent(world, stack) == made
    assert world.place.sealer.is_current(world.ledger(stack).last_spec)


async def test_an_owner_sees_the_ways_in_and_the_audit_knows(world: World) -> None:
    stack = await world.running(AGENT, config=KEY, domain="agent.example.org")
    user = await world.admin.post(
        "/api/collections/users/records",
        json={"email": "o@example.org", "password": "fake-password", "passwordConfirm": "fake-password"},
    )
    owner = user.json()["id"]
    ways = Accesses(eyes=world.parts.eyes, catalog=world.place.catalog, scribe=world.parts.recorder)
    row = await world.row(stack)
    assert await ways.of(row, owner) is None
    assert await ways.of(row, "") is None
    await world._send("PATCH", "tenants", world.tenant_id, {"owners": [owner]})
    assert await ways.of(row, owner) == [
        {
            "title": "Hooks",
            "url": "https://agent.example.org/hooks",
            "user": "",
            "secret": sent(world, stack)["HOOKS_TOKEN"],
        }
    ]
    (told,) = await world.rows("stack_operations", "verb='secret.reveal'")
    assert (told["reason"], told["detail"]) == (f"asked by {owner}", {"names": ["HOOKS_TOKEN"]})
    foreign = row | {"tenant_id": await world.tenant()}
    assert await ways.of(foreign, owner) is None


async def test_an_adopted_service_keeps_the_values_it_has(world: World) -> None:
    """An old stack's data is encrypted with a key that only its variables hold."""
    stack = await world.running(AGENT, config=KEY)
    before = sent(world, stack)
    uuid = world.service(stack).uuid
    for row in await world.rows(vault.COLLECTION):
        await world._send("DELETE", vault.COLLECTION, row["id"], None)
    await world.admin.delete(f"/api/collections/listener_ledger/records/{stack}")
    world.coolify.hand.edit(uuid, name="old-agent", description="made by hand")
    await world.restart()
    assert (await ask(world, "adopt", stack, service=uuid))["state"] == "done"
    assert (await ask(world, "approve", stack))["state"] == "done"
    await world.live(300)
    assert (await world.row(stack))["status"] == "running"
    assert sent(world, stack) == before
    rows = {row["name"]: world.place.sealer.open(row["value"]) for row in await world.rows(vault.COLLECTION)}
    assert rows == {name: before[name] for name in MADE}
