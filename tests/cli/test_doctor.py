"""The doctor: works with anything, tells abilities apart, has no effect, and is green only when it knows."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from listener.cli import configured, doctor
from listener.cli.doctor import clocks, report, scene
from listener.cli.exits import Exit
from listener.pocketbase.schema_model import VERSION
from listener.settings import Settings
from tests import portal
from tests.cli.commands import together
from tests.cli.conftest import Coolify
from tests.fixtures import Database

DEAF = "http://127.0.0.1:9"
"""Nobody listens there."""


async def examined(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], *, watch: float = 0.0
) -> dict[str, list[report.Line]]:
    """Check -> its lines, under these settings and no others; no listener of this machine is asked."""
    env = {"LISTENER_HTTP": "off", **env}
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found: dict[str, list[report.Line]] = {name: [] for name in doctor.CHECKS}
    for line in await doctor.examine(watch):
        found[line.check].append(line)
    return found


def marks(lines: list[report.Line]) -> str:
    """Their marks, in order."""
    return "".join(line.mark.value for line in lines)


async def test_a_doctor_without_any_setting_says_what_to_set() -> None:
    done, as_json = await together({}, "doctor", "doctor --json")
    assert (done.code, as_json.code) == (Exit.CONFIGURATION, Exit.CONFIGURATION), done.text
    assert json.loads(as_json.out)["failures"] == len(re.findall("^✗ ", done.out, re.MULTILINE))
    for name in (
        "POCKETBASE_URL",
        "COOLIFY_URL",
        "COOLIFY_TOKEN",
        "COOLIFY_SERVER_UUID",
        "LISTENER_SECRETS_KEY",
    ):
        assert re.search(rf"^✗ settings: {name}:? is not set\n    fix: ", done.out, re.MULTILINE), done.out
    assert re.search(r"^- Coolify: COOLIFY_URL is not set$", done.out, re.MULTILINE)
    assert re.fullmatch(r"\d failures, \d warnings?, \d inconclusive\.", done.out.splitlines()[-1])


async def test_json_says_the_same(monkeypatch: pytest.MonkeyPatch, alone: dict[str, str]) -> None:
    found = await examined(monkeypatch, {**alone, "COOLIFY_URL": DEAF})
    lines = [line for some in found.values() for line in some]
    told = report.as_json(lines)
    (failed,) = [check for check in told["checks"] if check["state"] == "failure"]
    assert (failed["check"], told["failures"], told["warnings"], told["inconclusive"]) == ("Coolify", 1, 2, 1)
    assert report.verdict(lines) is Exit.UNAVAILABLE


async def test_without_a_leader_the_live_stream_is_inconclusive(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str]
) -> None:
    found = await examined(monkeypatch, alone)
    assert (marks(found["leader"]), marks(found["live stream"]), marks(found["hooks"])) == ("!", "?", "!")
    told = ("leader", "live stream", "hooks")
    rest = [line for name, lines in found.items() for line in lines if name not in told]
    assert {line.mark for line in rest} == {report.Mark.GOOD, report.Mark.SKIPPED}


async def test_abilities_are_told_apart_without_an_effect(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], coolify: Coolify
) -> None:
    inside = coolify.inside
    for ability in ("read", "write", "deploy"):
        token = f"2|fake-token-of-{ability}"
        inside.world.add_token(token, inside.user, (ability,))
        lines = (await examined(monkeypatch, {**alone, "COOLIFY_TOKEN": token}))["Coolify token"]
        assert [line.text.split()[-1] for line in lines if line.mark is report.Mark.GOOD] == [ability]
        assert [line.code for line in lines if line.mark is report.Mark.FAILURE] == [Exit.CREDENTIALS] * 2
    assert inside.services() == []


async def test_an_old_token_and_a_wrong_password_are_credentials(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str]
) -> None:
    wrong = {"COOLIFY_TOKEN": "3|fake-unknown-token", "POCKETBASE_PASSWORD": "fake-wrong-password"}
    found = await examined(monkeypatch, {**alone, **wrong})
    lines = [line for some in found.values() for line in some]
    failed = {line.check: line.text.split(":")[0] for line in lines if line.mark is report.Mark.FAILURE}
    assert failed == {"PocketBase account": "CREDENTIALS_REFUSED", "Coolify token": "COOLIFY_TOKEN_REFUSED"}
    assert report.verdict(lines) is Exit.CREDENTIALS


async def test_a_server_that_runs_swarm_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], coolify: Coolify
) -> None:
    coolify.inside.server.swarm = True
    found = await examined(monkeypatch, alone)
    assert "Docker Swarm" in found["Coolify server"][0].text
    assert marks(found["Coolify server"])[0] == "✗"


async def test_a_server_that_would_lose_data_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], coolify: Coolify
) -> None:
    coolify.inside.server.delete_unused_volumes = True
    coolify.inside.knobs.version = "4.9.0"
    found = await examined(monkeypatch, alone)
    assert (marks(found["Coolify server"]), marks(found["Coolify version"])) == ("✓✗", "!")
    coolify.inside.knobs.version = "v4.1.9"
    found = await examined(monkeypatch, {**alone, "COOLIFY_SERVER_UUID": "fake-other"})
    assert (marks(found["Coolify server"]), marks(found["Coolify version"])) == ("✗", "✗")
    assert f"vps-a = {coolify.inside.server.uuid}" in found["Coolify server"][0].fix


async def test_addresses_of_each_other_are_noticed(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database, coolify: Coolify
) -> None:
    swapped = {**alone, "COOLIFY_URL": database.url, "POCKETBASE_URL": f"{DEAF},{coolify.url},pb.example.org"}
    found = await examined(monkeypatch, swapped)
    assert (marks(found["PocketBase"]), marks(found["Coolify"])) == ("✗✗", "✗")
    assert "POCKETBASE_URL is no address" in [line.text for line in found["settings"]]
    assert marks(found["PocketBase account"] + found["Coolify token"]) == "--"


async def test_what_is_missing_in_pocketbase_is_named(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    alerts = (await database.admin.get("/api/collections/stack_alerts")).json()
    fields = [field for field in alerts["fields"] if field["name"] != "severity"]
    await _done(database.admin.patch(f"/api/collections/{alerts['id']}", json={"fields": fields}))
    await _done(database.admin.patch("/api/settings", json={"batch": {"enabled": False}}))
    await _done(
        database.admin.patch("/api/collections/listener_meta/records/main", json={"schema_version": 99})
    )
    found = await examined(monkeypatch, alone)
    assert (marks(found["data model"]), marks(found["batch requests"])) == ("✗", "✗")
    await _done(
        database.admin.patch("/api/collections/listener_meta/records/main", json={"schema_version": 0})
    )
    found = await examined(monkeypatch, {**alone, **_superuser(database)})
    assert [line.text for line in found["data model"]] == [
        "stack_alerts: a field is missing",
        f"version 0, not {VERSION}",
    ]
    assert marks(found["schema diff"])[0] == "✗"


async def test_first_contact_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    row = portal.payload(database.tenant_id, "telegram-bot", "bot")
    await portal.add(database.admin, "agent_stacks", row)
    found = await examined(monkeypatch, alone)
    assert [line.text.split(":")[0] for line in found["leader"]][1] == "first contact"


async def test_settings_that_were_copied_badly_are_noticed_by_name_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    env = tmp_path / ".env"
    env.touch(mode=0o644)
    (tmp_path / "own" / "base-llm").mkdir(parents=True)
    given = {
        "TEMPLATES_DIR": str(tmp_path / "own"),
        "POCKETBASE_PASSWORD": "${FAKE_PASSWORD}",
        "COOLIFY_TOKEN": "'1|fake'",
        "COOLIFY_URL": "fake.example",
    }
    found = await examined(monkeypatch, given)
    texts = " ".join(line.text for line in found["settings"])
    assert "POCKETBASE_PASSWORD looks like a variable that was not expanded" in texts
    assert "COOLIFY_TOKEN is in quotes" in texts
    assert "COOLIFY_URL is no address" in texts
    assert "FAKE_PASSWORD" not in texts.replace("POCKETBASE_PASSWORD", "")
    assert (marks(found["secret files"]), found["secret files"][0].fix) == ("!", "chmod 600 .env")
    assert set(marks(found["templates"])) == {"✗", "!"}
    assert "base-llm is set aside" in found["templates"][0].text


@pytest.mark.parametrize(
    ("ahead", "mark"), [(0, "✓"), (-299, "✓"), (301, "✗"), (-400, "✗"), (None, "?")], ids=str
)
async def test_clocks_agree_within_five_minutes(ahead: int | None, mark: str) -> None:
    async def ask(_: str) -> httpx.Response:
        told = datetime.now(UTC) + timedelta(seconds=ahead or 0)
        return httpx.Response(
            200, headers={} if ahead is None else {"Date": format_datetime(told, usegmt=True)}
        )

    here = scene.Scene(configured.Loose(), {})
    await here.knock(scene.Door("http://upstream.example", ask), "/")
    assert marks(await clocks.clocks(here)) == mark


def test_every_check_has_its_row_in_the_operators_page() -> None:
    page = (Path(__file__).parents[2] / "OPERATIONS.md").read_text()
    table = page.partition("\n## Doctor\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \|", table.partition("**A proxy")[0], re.MULTILINE)
    named = [name for row in rows for name in row.split(", ")]
    assert sorted(set(named) - {"Check", "---"}) == sorted(doctor.CHECKS)


def _superuser(database: Database) -> dict[str, str]:
    return {
        "POCKETBASE_SUPERUSER_EMAIL": database.server.superuser_email,
        "POCKETBASE_SUPERUSER_PASSWORD": database.server.superuser_password.get_secret_value(),
    }


async def _done(call: Awaitable[httpx.Response]) -> None:
    answer = await call
    assert answer.is_success, answer.text
