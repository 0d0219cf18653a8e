"""Commands beside a running daemon: deploy, look, ask, and the errors on the way."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from listener import errors
from listener.cli import configured, deploy, draft, reach, rows
from listener.cli.exits import Exit
from listener.pocketbase import hooks
from listener.pocketbase.client import PocketBase
from listener.sandbox import world as worlds
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.cli.commands import PLANTED, ROUTER_KEY, bot_token, cloudfreedom, env_file, together

DEPLOY = ("deploy", "--template", "telegram-bot", "--timeout", "30")


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser; the world's own client belongs to another loop."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


async def records(admin: httpx.AsyncClient, collection: str, condition: str) -> list[dict[str, Any]]:
    """Every row that the condition lets through."""
    answer = await admin.get(f"/api/collections/{collection}/records", params={"filter": condition})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def running(admin: httpx.AsyncClient, slug: str) -> str:
    """The id of a running stack `bot` of a new tenant."""
    tenant = await portal.tenant(admin, slug)
    config = {"env_vars": {"TELEGRAM_BOT_TOKEN": bot_token(slug), "OPENAI_API_KEY": ROUTER_KEY}}
    row = portal.payload(tenant, "telegram-bot", "bot") | {"config": config}
    record_id = str((await portal.add(admin, "agent_stacks", row))["id"])
    with anyio.fail_after(20):
        while (await records(admin, "agent_stacks", f"id='{record_id}'"))[0]["status"] != "running":
            await anyio.sleep(0.1)
    return record_id


@pytest.fixture
def inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands called in this process find the world's settings."""
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)


def signed_in(world: World) -> AbstractAsyncContextManager[PocketBase]:
    """PocketBase as a command reaches it."""
    password = SecretStr(world.env["POCKETBASE_PASSWORD"])
    return reach.database(
        configured.Loose(pocketbase_url=(world.pocketbase.url,), pocketbase_password=password)
    )


async def test_deploy_makes_tenant_and_stack_and_waits_until_it_runs(
    world: World, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    path = env_file(tmp_path)
    words = ("--tenant", "first", "--create-tenant", "First", "--tier", "team", "--name", "bot")
    done = await cloudfreedom(world.env, *DEPLOY, *words, "--env-file", str(path))
    assert done.code == Exit.DONE, done.text
    told = done.out.splitlines()
    assert told[0] == "Tenant first written (team)."
    assert re.fullmatch(r"Stack first/bot written as [a-z0-9]{15}\.", told[2])
    assert re.fullmatch(r"Waiting: pending \(0 s of 30 s\): not looked at yet\.", told[3])
    assert re.fullmatch(r"Finished in \d+\.\d s", told[-3])
    assert told[-1].split() == ["first", "bot", "telegram-bot", "running", "running", "healthy", "Running."]
    (tenant,) = await records(admin, "tenants", "slug='first'")
    assert (tenant["name"], tenant["plan_tier"], tenant["status"]) == ("First", "team", "active")


@pytest.mark.long
@pytest.mark.usefixtures("inside")
async def test_deploying_again_changes_what_was_said_and_nothing_else(
    world: World, admin: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_id = await running(admin, "again")
    (before,) = await records(admin, "agent_stacks", f"id='{record_id}'")
    order = draft.Order("again", "telegram-bot", "bot")
    assert await deploy.deploy(order, only_plan=False, attached=True, seconds=30) is Exit.DONE
    (same,) = await records(admin, "agent_stacks", "tenant_id.slug='again'")
    assert (same["id"], same["config"]) == (record_id, before["config"])
    path = env_file(tmp_path, MODEL="fake-model")
    words = ("--tenant", "again", "--name", "bot", "--env-file", str(path))
    capsys.readouterr()
    changed = dataclasses.replace(order, env_file=path)
    assert await deploy.deploy(changed, only_plan=True, attached=True, seconds=30) is Exit.DONE
    preview = capsys.readouterr().out
    assert preview.startswith("~ again/bot: update (running, telegram-bot")
    assert "MODEL" in preview
    assert await records(admin, "agent_stacks", "tenant_id.slug='again'") == [same]
    done = await cloudfreedom(world.env, *DEPLOY, *words)
    assert done.code == Exit.DONE, done.text
    assert f"Stack again/bot updated as {record_id}." in done.out
    (row,) = await records(admin, "agent_stacks", "tenant_id.slug='again'")
    assert (row["config"]["env_vars"]["MODEL"], row["action"]) == ("fake-model", "")


@pytest.mark.usefixtures("inside")
async def test_a_preview_shows_every_step_and_writes_nothing(
    admin: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = draft.Order("maybe", "telegram-bot", "bot", env_file=env_file(tmp_path), create_tenant="Maybe")
    assert await deploy.deploy(order, only_plan=True, attached=True, seconds=30) is Exit.DONE
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "+ tenant maybe: create (starter)"
    assert told[1].startswith("+ maybe/bot: create (running, telegram-bot ")
    steps = [" ".join(line.split()[:2]) for line in told[2:-1]]
    assert steps == ["create project", "create service", "variables TELEGRAM_BOT_TOKEN,", "restart service"]
    assert told[-1] == "Nothing was written."
    assert [secret for secret in PLANTED if secret in "".join(told)] == []
    assert await records(admin, "tenants", "slug='maybe'") == []


@pytest.mark.usefixtures("inside")
async def test_a_preview_goes_on_behind_secrets_that_are_made_first(
    admin: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.env"
    path.write_text(f"OPENAI_API_KEY={ROUTER_KEY}\n")
    before = await records(admin, "stack_secrets", "tenant_id!=''")
    order = draft.Order("agents", "openclaw-agent", "one", env_file=path, create_tenant="Agents")
    assert await deploy.deploy(order, only_plan=True, attached=True, seconds=30) is Exit.DONE
    told = capsys.readouterr().out.splitlines()
    assert told[1].startswith("+ agents/one: create (running, openclaw-agent ")
    steps = [" ".join(line.split()[:3]) for line in told[2:-1]]
    assert steps == [
        "make secrets OPENCLAW_HOOKS_TOKEN,",
        "create project cf-agents-" + steps[1].rpartition("-")[2],
        "create service " + steps[2].split()[2],
        "variables CLOUDFREEDOM_API_KEY, ROUTER_BASE_URL,",
        "restart service (new)",
    ]
    assert ROUTER_KEY not in "".join(told)
    assert await records(admin, "stack_secrets", "tenant_id!=''") == before


REFUSED: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "VARIABLE_INVALID": ("bot", {"TELEGRAM_BOT_TOKEN": "fake"}, {}),
    "VARIABLE_UNKNOWN": ("bot", {"NO_SUCH": "fake"}, {}),
    "NAME_NOT_ALLOWED": ("B_2", {}, {}),
    "DOMAIN_NOT_USED": ("bot", {}, {"domain": "x.example.org"}),
    "TIER_UNKNOWN": ("bot", {}, {"tier": "gold"}),
}
"""Code -> name of the stack, variables, more of the order."""


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("code", REFUSED)
async def test_what_the_listener_would_refuse_is_not_written(
    admin: httpx.AsyncClient, tmp_path: Path, *, code: str
) -> None:
    stack, changes, more = REFUSED[code]
    order = draft.Order(
        "bad", "telegram-bot", stack, env_file=env_file(tmp_path, **changes), create_tenant="Bad", **more
    )
    with pytest.raises(errors.Refusal) as caught:
        await deploy.deploy(order, only_plan=False, attached=True, seconds=30)
    assert caught.value.code == code
    assert await records(admin, "tenants", "slug='bad'") == []


async def test_a_refusal_is_told_in_three_parts(world: World, tmp_path: Path) -> None:
    path = env_file(tmp_path, TELEGRAM_BOT_TOKEN="fake")
    words = ("--tenant", "bad", "--create-tenant", "Bad", "--name", "bot", "--env-file", str(path))
    done = await cloudfreedom(world.env, *DEPLOY, *words)
    assert done.code == Exit.REFUSED, done.text
    assert re.fullmatch(r"error VARIABLE_INVALID: .+\n  why: .+\n  fix: .+\n", done.err), done.err


async def test_a_bad_file_of_variables_is_refused_before_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "bot.env"
    path.write_text(f"OPENAI_API_KEY={ROUTER_KEY}\n{ROUTER_KEY} {ROUTER_KEY}\n")
    order = draft.Order("x", "telegram-bot", "x", env_file=path)
    with pytest.raises(errors.Refusal) as caught:
        await deploy.deploy(order, only_plan=False, attached=True, seconds=30)
    assert (caught.value.code, caught.value.why) == ("ENV_FILE_INVALID", "line 2 is not NAME=value")


@pytest.mark.usefixtures("inside")
async def test_waiting_for_a_stack_that_cannot_run_is_refused(
    admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    await portal.tenant(admin, "later", status="pending")
    order = draft.Order("later", "telegram-bot", "bot", env_file=env_file(tmp_path))
    with pytest.raises(errors.Refusal, match="would not run") as caught:
        await deploy.deploy(order, only_plan=False, attached=True, seconds=30)
    assert caught.value.code == "STACK_WOULD_REST"
    assert await records(admin, "agent_stacks", "tenant_id.slug='later'") == []
    assert await deploy.deploy(order, only_plan=False, attached=False, seconds=30) is Exit.DONE
    assert len(await records(admin, "agent_stacks", "tenant_id.slug='later'")) == 1


async def test_deploy_fails_with_the_records_error(world: World, tmp_path: Path) -> None:
    fault = {
        "method": "POST",
        "path": "^/services$",
        "times": 1,
        "reply": 422,
        "body": '{"message":"fake no"}',
    }
    async with fixtures.plain(world.coolify_url) as control:
        assert (await control.post("/_standin/faults", json=fault)).is_success
        words = ("--tenant", "fails", "--create-tenant", "Fails", "--name", "bot")
        done = await cloudfreedom(world.env, *DEPLOY, *words, "--env-file", str(env_file(tmp_path)))
        await control.delete("/_standin/faults")
    assert (done.code, done.err.split()[1]) == (Exit.FAILED, "STACK_NOT_RUNNING:"), done.text
    assert "COOLIFY_REFUSED" in done.err
    assert "fake no" in done.err


@pytest.mark.long
async def test_everything_can_be_listed_as_text_and_as_json(world: World, admin: httpx.AsyncClient) -> None:
    record_id = await running(admin, "lists")
    stacks, status, json_status, tenants = await together(
        world.env, "list --tenant lists", "status", f"status {record_id} --json", "tenants"
    )
    assert re.search(r"^lists +Lists +active +starter +1 +active +Active\. ", tenants.out, re.MULTILINE)
    head, *_, count = stacks.out.splitlines()
    assert head.split() == ["TENANT", "STACK", "TEMPLATE", "DOMAIN", "WANTED", "STATUS", "ID"]
    assert count == "1 stack."
    led, here, upstream, *_ = status.out.splitlines()
    assert re.match(r"Listener   \S+ leads, lease renewed \d+ s ago$", led)
    assert here.startswith("Here       leader · last event ")
    assert re.match(r"Coolify    4\.3\.10 · \d+ of", upstream)
    assert "TENANT  " in status.out
    shown = json.loads(json_status.out)
    assert shown["lease"]["leads"] is True
    assert [(row["status"], row["health"]) for row in shown["stacks"]] == [("running", "healthy")]


async def test_a_stack_is_named_by_id_by_tenant_or_by_a_unique_name(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await running(admin, "named")
    await running(admin, "other")
    async with signed_in(world) as known:
        assert (await rows.pick(known, record_id)).name == "named/bot"
        assert (await rows.pick(known, "named/bot")).id == record_id
        with pytest.raises(errors.Terminal) as many:
            await rows.pick(known, "bot")
        with pytest.raises(errors.Terminal) as none:
            await rows.pick(known, "no-such-stack")
    assert (many.value.code, none.value.code) == ("STACK_AMBIGUOUS", "STACK_UNKNOWN")
    assert f"named/bot ({record_id})" in many.value.why


async def test_apply_has_the_listener_reconcile_after_which_nothing_is_planned(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await running(admin, "asks")
    done = await cloudfreedom(world.env, "apply", record_id, "--wait", "--timeout", "30")
    assert done.code == Exit.DONE, done.text
    assert done.out.startswith("asks/bot: asked the listener to reconcile.\n")
    assert "Finished in" in done.out
    (row,) = await records(admin, "agent_stacks", f"id='{record_id}'")
    assert row["action"] == ""
    verbs = [row["verb"] for row in await records(admin, "stack_operations", f"stack_id='{record_id}'")]
    assert "action.reconcile" in verbs
    plan = await cloudfreedom(world.env, "plan", record_id, "--detailed-exitcode")
    assert (plan.code, plan.out) == (Exit.DONE, "No changes. 1 stack matches.\n")


@pytest.mark.long
async def test_a_healthy_world_has_a_clean_bill(tmp_path: Path) -> None:
    hooks.install(tmp_path / "pb_hooks", force=True)
    measured = {"LISTENER_DISK_FILE": str(tmp_path / "disk.json")}
    async with worlds.running(tmp_path, env=measured) as world:
        done = await cloudfreedom(world.env, "measure-disk", "--dir", str(tmp_path))
        assert done.code == Exit.DONE, done.text
        done = await cloudfreedom(world.env, "doctor")
    assert done.code == Exit.DONE, done.text
    marks = {line.partition(":")[0]: line[0] for line in done.out.splitlines()[:-1]}
    assert {name for name, mark in marks.items() if mark not in "✓-"} == set()
    assert re.search(r"^✓ live stream: a renewal came back after \d\.\d s$", done.out, re.MULTILINE)
    assert done.out.splitlines()[-1] == "0 failures, 0 warnings, 0 inconclusive."


async def test_a_second_listener_on_the_same_address_is_a_matter_of_configuration(world: World) -> None:
    done = await cloudfreedom(world.env, "run")
    assert (done.code, "error ADDRESS_IN_USE: " in done.err) == (Exit.CONFIGURATION, True), done.text
