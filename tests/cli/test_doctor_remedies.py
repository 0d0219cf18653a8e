"""PocketBase broken in one way at a time, and mended by the command that the doctor prints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest

from listener.cli.doctor import report
from listener.pocketbase import hooks
from tests import portal
from tests.cli import remedies
from tests.cli.test_doctor import examined, marks
from tests.faults import proxy as proxies
from tests.fixtures import Database

META = "/api/collections/listener_meta/records/main"
LEASE = "/api/collections/listener_lease/records/main"


async def _done(call: Awaitable[httpx.Response]) -> None:
    answer = await call
    assert answer.is_success, answer.text


async def no_batch(database: Database) -> None:
    """Batch requests are switched off in the admin UI."""
    await _done(database.admin.patch("/api/settings", json={"batch": {"enabled": False}}))


async def no_field(database: Database) -> None:
    """A field was deleted in the admin UI."""
    alerts = (await database.admin.get("/api/collections/stack_alerts")).json()
    fields = [field for field in alerts["fields"] if field["name"] != "severity"]
    await _done(database.admin.patch(f"/api/collections/{alerts['id']}", json={"fields": fields}))


async def no_rule(database: Database) -> None:
    """A collection was closed to everybody in the admin UI."""
    await _done(database.admin.patch("/api/collections/stack_alerts", json={"listRule": None}))


async def old_model(database: Database) -> None:
    """The data model is an older release's."""
    await _done(database.admin.patch(META, json={"schema_version": 1}))


async def no_lease(database: Database) -> None:
    """The lease's row was deleted."""
    await _done(database.admin.delete(LEASE))


async def strangers(database: Database) -> None:
    """Stacks were there before the listener, and nobody accepted them."""
    await portal.add(
        database.admin, "agent_stacks", portal.payload(database.tenant_id, "telegram-bot", "bot")
    )


async def other_password(database: Database) -> None:
    """The account's password was changed in the admin UI."""
    (row,) = (
        await database.admin.get("/api/collections/listeners/records?filter=username='listener'")
    ).json()["items"]
    body = {"password": "fake-other-password", "passwordConfirm": "fake-other-password"}
    await _done(database.admin.patch(f"/api/collections/listeners/records/{row['id']}", json=body))


BREAKS: dict[str, tuple[Callable[[Database], Awaitable[None]], str, report.Mark]] = {
    "batch": (no_batch, "batch requests", report.Mark.FAILURE),
    "field": (no_field, "data model", report.Mark.FAILURE),
    "rule": (no_rule, "data model", report.Mark.FAILURE),
    "old": (old_model, "data model", report.Mark.FAILURE),
    "lease": (no_lease, "leader", report.Mark.FAILURE),
    "first contact": (strangers, "leader", report.Mark.WARNING),
    "password": (other_password, "PocketBase account", report.Mark.FAILURE),
}
"""Name -> how it is broken, the check that says so, and how."""


@pytest.mark.long
@pytest.mark.parametrize("name", BREAKS)
async def test_what_is_broken_in_pocketbase_is_mended_by_the_command_that_is_printed(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database, name: str
) -> None:
    broken, check, mark = BREAKS[name]
    env = {**alone, **superuser(database)}
    before = marks((await examined(monkeypatch, env))[check])
    await broken(database)
    found = (await examined(monkeypatch, env))[check]
    (line,) = [one for one in found if one.mark is mark and one.text not in NO_LEADER]
    await remedies.obeyed(env, line)
    assert marks((await examined(monkeypatch, env))[check]) == before


NO_LEADER = ("no listener leads: nothing is done until `cloudfreedom run` is started",)
"""True of every world here."""


@pytest.mark.long
async def test_hooks_run_again_after_the_command_and_the_restart_that_are_printed(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    folder = database.server.hooks_dir
    for _ in ("missing", "of an older release"):
        await database.server.restart()
        (line,) = (await examined(monkeypatch, alone))["hooks"]
        assert (line.mark, "restart" in line.fix) == (report.Mark.WARNING, True)
        await remedies.obeyed(alone, line, DIR=str(folder))
        await database.server.restart()
        assert marks((await examined(monkeypatch, alone))["hooks"]) == "✓"
        main = folder / hooks.MAIN
        main.write_text(hooks.headed(main.read_text().partition("\n")[2] + "// older\n"))


@pytest.mark.long
async def test_a_wrong_clock_is_a_failure_until_it_is_set(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    async with proxies.before(int(database.url.rpartition(":")[2])) as proxy:
        env = {**alone, "POCKETBASE_URL": proxy.url}
        proxy.skew = 400.0
        line = (await examined(monkeypatch, env))["clocks"][0]
        assert (line.mark, "timedatectl set-ntp true" in line.fix) == (report.Mark.FAILURE, True)
        assert " s ahead of this machine" in line.text
        proxy.skew = 0.0
        assert (await examined(monkeypatch, env))["clocks"][0].mark is report.Mark.GOOD


def superuser(database: Database) -> dict[str, str]:
    """What `schema apply` needs."""
    return {
        "POCKETBASE_SUPERUSER_EMAIL": database.server.superuser_email,
        "POCKETBASE_SUPERUSER_PASSWORD": database.server.superuser_password.get_secret_value(),
    }
