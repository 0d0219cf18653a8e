"""When a start is believed, and what is said of one that fails."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

from handlers import records
from handlers.stacks import bring
from handlers.stacks.desired import Desired
from listener import contract
from listener.coolify.view import NEVER
from tests.handlers.world import World

RESTART = "POST /services/{uuid}/restart"
OTHER: dict[str, Any] = {"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}}


async def test_a_restart_is_not_called_running_before_it_was_seen_down(world: World) -> None:
    """Coolify queues it: what it shows as running is still what ran before."""
    stack = await world.running()
    world.coolify.knobs.turn({"job_delay": 30.0, "start_seconds": 20.0, "sync_delay": 1.0})
    await world.edit(stack, config=OTHER)
    await world.settle(25)
    row = await world.row(stack)
    assert (row["status"], row["message"]) == ("deploying", "Started; waiting until it runs.")
    await world.settle()
    assert ((await world.row(stack))["status"], world.service(stack).ups) == ("running", 2)


async def test_a_restart_too_quick_to_be_seen_is_believed_after_the_confirm_time(world: World) -> None:
    stack = await world.running()
    world.coolify.knobs.turn({"job_delay": 0.0, "start_seconds": 0.0, "sync_delay": 0.0})
    await world.edit(stack, config=OTHER)
    began = world.clock.seconds
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert world.clock.seconds - began >= world.waits.confirm


async def test_a_list_soon_after_a_start_wakes_the_stack_that_it_shows_running(world: World) -> None:
    world.coolify.knobs.turn({"job_delay": 0.5, "start_seconds": 0.0, "sync_delay": 0.0})
    stack = await world.stack()
    await world.settle(0.1)
    assert (await world.row(stack))["status"] == "deploying"
    view = world.parts.eyes.view
    assert view.interval(world.waits.poll) < 1.0
    world.pass_time(1.0)
    assert contract.Key(records.STACKS, stack) in list(await world.parts.stacks.poll())
    await world.turn(contract.Key(records.STACKS, stack))
    assert (await world.row(stack))["status"] == "running"
    assert list(await world.parts.stacks.poll()) == []
    assert view.interval(world.waits.poll) == world.waits.poll


async def test_a_start_that_a_list_showed_before_its_answer_wakes_the_stack_at_the_next_list(
    world: World,
) -> None:
    """The first list may not be believed, and the second shows nothing new."""
    world.coolify.knobs.turn({"job_delay": 0.0, "start_seconds": 0.0, "sync_delay": 0.0})
    stack = await world.stack()
    await world.settle(0.1)
    view = world.parts.eyes.view
    view.snapshot = replace(view.snapshot, requested_at=NEVER)
    await world.parts.stacks.poll()
    world.parts.eyes.memory.of(stack).effect_at = view.snapshot.requested_at
    await world.turn(contract.Key(records.STACKS, stack))
    assert (await world.row(stack))["status"] == "deploying"
    world.pass_time(1.0)
    assert list(await world.parts.stacks.poll()) == [contract.Key(records.STACKS, stack)]
    await world.turn(contract.Key(records.STACKS, stack))
    assert (await world.row(stack))["status"] == "running"


async def test_a_restart_is_not_believed_early_by_a_new_process_either(world: World) -> None:
    stack = await world.running()
    world.coolify.knobs.turn({"job_delay": 60.0})
    await world.edit(stack, config=OTHER)
    await world.settle(6)
    await world.restart()
    await world.settle(20)
    assert (await world.row(stack))["status"] == "deploying"
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_start_that_fails_is_told_at_its_deadline_and_retried_slowly(world: World) -> None:
    world.coolify.knobs.never_start = "^cf-"
    stack = await world.stack()
    began = world.clock.seconds
    await world.live(400)
    row = await world.row(stack)
    assert (row["status"], row["message"][:34]) == ("error", "It does not run although it should")
    assert row["error_message"].startswith("NOT_RUNNING · Coolify shows exited although it should run")
    assert "server usable: yes" in row["error_message"]
    await world.live(2000)
    starts = [call.at for call in world.coolify.calls if call.route.endswith("/restart")]
    assert min(b - a for a, b in itertools.pairwise(starts)) >= world.waits.slow_retry
    assert len(starts) <= 1 + (world.clock.seconds - began) / world.waits.slow_retry
    world.coolify.knobs.never_start = ""
    await world.live(1000)
    assert ((await world.row(stack))["status"], (await world.row(stack))["error_message"]) == ("running", "")


async def test_a_start_that_hangs_is_told_at_its_deadline(world: World) -> None:
    world.coolify.knobs.start_seconds = 100_000.0
    stack = await world.stack()
    await world.live(400)
    row = await world.row(stack)
    assert (row["status"], row["message"][:34]) == ("error", "It does not run although it should")
    assert "Coolify shows starting:unhealthy" in row["error_message"]
    await world.live(900)
    assert (await world.row(stack))["message"] == "Started; waiting until it runs."
    assert world.effects().count(RESTART) == 1


async def test_a_stack_that_is_unhealthy_at_its_deadline_runs_badly_and_is_left_alone(world: World) -> None:
    world.coolify.knobs.unhealthy = "^cf-"
    stack = await world.stack("base-llm")
    await world.live(60)
    assert (await world.row(stack))["status"] == "deploying"
    await world.live(1500)
    row = await world.row(stack)
    assert (row["status"], row["health"]) == ("running", "unhealthy")
    assert row["error_message"].startswith("UNHEALTHY · Coolify shows running:unhealthy")
    assert world.effects().count(RESTART) == 1
    world.coolify.knobs.unhealthy = ""
    world.coolify.hand.sync(world.service(stack).uuid)
    await world.live(70)
    assert ((await world.row(stack))["health"], (await world.row(stack))["error_message"]) == ("healthy", "")


async def test_what_is_known_of_a_failed_start_is_told_to_staff(world: World) -> None:
    world.coolify.knobs.never_start = "^cf-"
    stack = await world.stack("base-llm")
    await world.live(1500)
    row, service = await world.row(stack), world.service(stack)
    assert "containers: web exited · images: nginx" in row["error_message"]
    way = f"/project/{service.environment.project.uuid}/environment/{service.environment.uuid}"
    assert row["error_message"].endswith(f"see https://coolify.example.org{way}/service/{service.uuid}")
    assert "coolify.example.org" not in row["message"]


async def test_the_last_log_lines_of_a_sick_container_are_told_without_its_secrets(world: World) -> None:
    world.coolify.knobs.unhealthy = "^cf-"
    log = world.coolify.faults.add("GET", "/logs$", times=99, reply=200)
    lines = [f"line {number} " + "x" * 300 for number in range(40)] + [
        "refused the key fake-api-key",
        "\x1b[31mbye",
    ]
    log.body = json.dumps({"logs": "\n".join(lines)})
    stack = await world.stack("base-llm")
    await world.live(1500)
    told = (await world.row(stack))["error_message"]
    assert told.startswith("UNHEALTHY · Coolify shows running:unhealthy")
    assert "line 39" in told
    assert "refused the key *** | [31mbye ·" in told
    assert "fake-api-key" not in told
    assert len(told) < 3000
    assert world.coolify.calls.count("GET", "/services/{uuid}/logs") == 1


async def test_no_log_of_a_service_that_is_not_ours_is_read(world: World) -> None:
    world.coolify.knobs.unhealthy = "^cf-"
    stack = await world.stack("base-llm")
    await world.settle(60)
    world.service(stack).description = "not ours"
    await world.live(1500)
    assert world.coolify.calls.count("GET", "/services/{uuid}/logs") == 0


async def test_health_that_a_template_cannot_tell_is_not_waited_for(world: World) -> None:
    world.coolify.knobs.unhealthy = "^cf-"
    stack = await world.stack("telegram-bot")
    await world.settle(60)
    row = await world.row(stack)
    assert (row["status"], row["health"]) == ("running", "unhealthy")


async def test_containers_that_end_are_started_again(world: World) -> None:
    stack = await world.running()
    world.coolify.hand.kill(world.service(stack).uuid)
    await world.live(1200)
    assert ((await world.row(stack))["status"], world.service(stack).ups) == ("running", 2)


async def test_a_stack_without_variables_is_started_and_none_are_sent(world: World) -> None:
    stack = await world.running()
    facts, want, _ = await world.parts.stacks.explain(contract.Key(records.STACKS, stack))
    assert facts.ledger is not None
    assert isinstance(want, Desired)
    row = facts.ledger.changed({"env_keys": (), "applied_hash": "", "start_begun": None})
    plan = bring.up(replace(facts, ledger=row), replace(want, envs=()))
    words = [line.split()[0] for line in plan.lines()]
    assert words == ["note", "patch", "restart", "note"]
    assert bring.start_begun(replace(facts, ledger=row)) == bring.NEVER
