"""What is edited by hand in Coolify is found, told without values, and sent again or accepted."""

from __future__ import annotations

import yaml

from handlers import recorder
from tests.handlers.asking import ask
from tests.handlers.world import World

ENVS = "/services/{uuid}/envs"
FULL = [
    "PATCH /services/{uuid}",
    "PATCH /services/{uuid}/envs/bulk",
    "POST /services/{uuid}/restart",
]


def edit_compose(world: World, stack: str, image: str = "docker.io/edited/bot:9") -> None:
    """Another image, and a variable more, as somebody types it."""
    service = world.service(stack)
    document = yaml.safe_load(service.raw)
    (body,) = document["services"].values()
    body["image"] = image
    body.setdefault("environment", {})["SPY"] = "fake-value"
    world.coolify.hand.compose(service.uuid, text=yaml.safe_dump(document))


def variable(world: World, stack: str, key: str, value: str | None = None, *, remove: bool = False) -> None:
    world.coolify.hand.variable(world.service(stack).uuid, key=key, value=value, remove=remove)


def start(world: World, stack: str) -> None:
    world.coolify.hand.start(world.service(stack).uuid)


async def told(world: World, stack: str) -> str:
    row = await world.row(stack)
    assert (row["status"], row["message"]) == ("running", "Running.")
    return str(row["error_message"])


async def test_what_was_sent_is_no_drift_and_costs_no_comparison(world: World) -> None:
    for template in ("telegram-bot", "base-llm", "openclaw-agent"):
        world.coolify.calls.reset()
        stack = await world.running(template)
        assert world.ledger(stack).made["compared"] == world.service(stack).updated
        assert world.coolify.calls.count("GET", ENVS) == 0, template
        assert await told(world, stack) == ""
        world.coolify.calls.reset()
        await world.live(900)
        await world.restart()
        await world.live(900)
        assert world.coolify.calls.count("GET", ENVS) == 0


async def test_an_edited_compose_is_told_once_and_left_as_it_is(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    world.pass_time(5)
    edit_compose(world, stack)
    await world.live(400)
    text = await told(world, stack)
    assert text.startswith(
        "DRIFT · edited in Coolify: compose: bot.environment.SPY was added; compose: bot.image is another · "
    )
    assert "fake-value" not in text
    assert (await world.row(stack))["health"] == "healthy"
    await world.restart()
    await world.live(400)
    assert (await told(world, stack), world.effects()) == (text, [])
    assert (world.coolify.calls.count("GET", ENVS), world.service(stack).ups) == (1, 1)
    (line,) = await world.rows(recorder.OPERATIONS, "verb='stack.drift'")
    assert (line["outcome"], line["text"]) == ("failed", "")
    assert line["detail"]["differences"][1] == "compose: bot.image is another"


async def test_redeploy_sends_everything_again_and_the_drift_is_gone(world: World) -> None:
    stack = await world.running()
    raw = world.service(stack).raw
    world.pass_time(5)
    edit_compose(world, stack)
    variable(world, stack, "TELEGRAM_BOT_TOKEN", "fake-stranger")
    await world.live(100)
    assert "variable TELEGRAM_BOT_TOKEN has another value" in await told(world, stack)
    world.coolify.calls.reset()
    await world.edit(stack, action="redeploy")
    await world.live(300)
    assert world.effects() == FULL
    assert (await told(world, stack), world.service(stack).raw) == ("", raw)
    assert "drift" not in world.ledger(stack).made


async def test_an_edit_of_the_record_sends_everything_as_ever(world: World) -> None:
    stack = await world.running()
    raw = world.service(stack).raw
    world.pass_time(5)
    edit_compose(world, stack)
    await world.live(100)
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.live(300)
    assert (await told(world, stack), world.service(stack).raw) == ("", raw)


async def test_variables_are_compared_with_the_start_that_brings_them_into_force(world: World) -> None:
    """Saving one moves nothing that a list shows; it reaches the containers with the next start only."""
    stack = await world.running()
    sent = ("OPENAI_API_KEY", "TELEGRAM_BOT_TOKEN")
    variable(world, stack, "SPY", "fake-spy-value")
    variable(world, stack, "SERVICE_PASSWORD_X", "made by Coolify")
    variable(world, stack, sent[0], "fake-stranger")
    variable(world, stack, sent[1], remove=True)  # the parser makes it anew, empty: the compose names it
    await world.live(100)
    assert await told(world, stack) == ""
    start(world, stack)
    await world.live(100)
    text = await told(world, stack)
    assert text.startswith(
        f"DRIFT · edited in Coolify: variable {sent[0]} has another value; variable SPY was added; "
        f"variable {sent[1]} has another value · "
    )
    assert "fake" not in text
    await world.edit(stack, action="redeploy")
    await world.live(300)
    assert await told(world, stack) == ""
    world.pass_time(5)
    start(world, stack)
    await world.live(100)
    assert (await told(world, stack)).startswith("DRIFT · edited in Coolify: variable SPY was added · ")
    assert "SPY" in {one.key for one in world.service(stack).variables}
    variable(world, stack, "SPY", remove=True)
    await world.edit(stack, action="redeploy")
    await world.live(300)
    assert await told(world, stack) == ""


async def test_what_a_person_accepts_stays_until_the_next_edit(world: World) -> None:
    stack = await world.running()
    world.pass_time(5)
    edit_compose(world, stack)
    await world.live(100)
    answer = await ask(world, "adopt", stack)
    assert (answer["state"], await told(world, stack)) == ("done", "")
    world.pass_time(5)
    start(world, stack)
    await world.live(300)
    await world.edit(stack, action="restart")
    await world.live(300)
    assert (await told(world, stack), "SPY" in world.service(stack).raw) == ("", True)
    world.pass_time(5)
    edit_compose(world, stack, image="docker.io/edited/bot:10")
    await world.live(300)
    assert "bot.image is another" in await told(world, stack)
    assert (await ask(world, "adopt", stack))["state"] == "done"
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.live(300)
    assert "SPY" not in world.service(stack).raw
    refused = await ask(world, "adopt", stack)
    assert (refused["state"], "knows this stack already" in refused["result"]) == ("refused", True)


async def test_a_token_that_reads_no_compose_says_so(world: World) -> None:
    (token,) = world.coolify.world.tokens.values()
    token.abilities = frozenset({"read", "write", "deploy"})
    stack = await world.running()
    assert await told(world, stack) == ""
    world.pass_time(5)
    edit_compose(world, stack)
    variable(world, stack, "TELEGRAM_BOT_TOKEN", "fake-stranger")
    variable(world, stack, "SPY2", "fake")
    await world.live(100)
    assert (await told(world, stack)).startswith(
        "DRIFT · edited in Coolify: compose: bot.image is another; variable SPY2 was added; "
        "compose could not be read: the token lacks read:sensitive · "
    )


async def test_at_most_ten_differences_are_named(world: World) -> None:
    stack = await world.running()
    for number in range(13):
        variable(world, stack, f"SPY_{number:02}", "fake")
    start(world, stack)
    await world.live(100)
    assert "variable SPY_09 was added; and 3 more · " in await told(world, stack)


async def test_a_comparison_that_fails_is_made_later_and_holds_nothing_up(world: World) -> None:
    world.coolify.faults.add("GET", "/envs$", reply=500, times=3)
    stack = await world.running()
    assert (await world.row(stack))["status"] == "running"
    await world.live(1000)
    assert world.ledger(stack).made["compared"] == world.service(stack).updated


async def test_a_newer_template_is_no_drift(world: World) -> None:
    stack = await world.running()
    newer = world.newer_catalog()
    world.parts.stacks._catalog = newer
    start(world, stack)
    await world.live(300)
    assert await told(world, stack) == ""


async def test_what_was_edited_while_it_was_suspended_is_told_when_it_runs_again(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.live(300)
    edit_compose(world, stack)
    await world.live(100)
    assert (await world.row(stack))["error_message"] == ""
    await world.edit(stack, desired_state="running")
    await world.live(300)
    assert "bot.image is another" in await told(world, stack)


async def test_a_service_that_was_moved_is_followed_and_left_alone(world: World) -> None:
    stack = await world.running()
    other = world.coolify.world.add_server(world.coolify.team, "second")
    project = world.coolify.world.add_project(world.coolify.team, "by hand", "")
    uuid = world.service(stack).uuid
    world.coolify.calls.reset()
    world.pass_time(5)
    world.coolify.hand.move(uuid, project=project.uuid, server=other.uuid)
    await world.live(700)
    row = await world.row(stack)
    assert (row["status"], row["coolify_server_uuid"]) == ("running", other.uuid)
    assert row["coolify_project_uuid"] == project.uuid
    ledger = world.ledger(stack)
    assert (ledger.server_uuid, ledger.project_uuid) == (other.uuid, project.uuid)
    assert world.effects() == []
    await world.edit(stack, desired_state="suspended")
    await world.live(300)
    assert (await world.row(stack))["status"] == "suspended"
