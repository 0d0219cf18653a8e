"""The support bundle: what is inside, what never is, and what is left when an upstream is away."""

from __future__ import annotations

import base64
import http.server
import json
import stat
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from listener.cli import bundle
from listener.cli.bundle import net
from listener.cli.exits import Exit
from listener.sandbox.world import World
from listener.telemetry import logs
from tests import portal
from tests.cli.commands import BOT_TOKEN, ROUTER_KEY, SECRET_SETTINGS, cloudfreedom
from tests.fixtures import Database

ODD = 'fake/odd+secret &="ü"'
ALERTS = ("https://hooks.example.org/fake-first", "https://hooks.example.org/fake-second")
PEOPLE = (
    "Frau Muster zahlt nicht", "Muster GmbH", "a note on Herr Muster", "hallo welt aus dem Chat",
    "weil Herr Muster es will",
)  # fmt: skip
WANTED = {
    "README.txt", "stacks.json", "tenants.json", "ledger.json", "servers.json", "operations.json",
    "settings.json", "versions.json", "doctor.json", "status.json", "plan.txt", "templates.json",
    "readyz.json", "metrics.txt", "systemd.txt", "journal.txt",
}  # fmt: skip


def opened(path: Path) -> Mapping[str, str]:
    """Name -> text of every file of the archive, which is for its owner only."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        names = {entry.name.partition("/")[2]: entry for entry in archive.getmembers()}
        assert {entry.mode for entry in names.values()} == {0o600}
        files = {name: archive.extractfile(entry) for name, entry in names.items()}
        return {name: file.read().decode() for name, file in files.items() if file}


def forms(value: str) -> set[str]:
    """How a secret may be carried."""
    data = value.encode()
    coded = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    return {value, json.dumps(value)[1:-1], quote(value), quote(value, safe=""), quote_plus(value), *coded}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a systemctl and a journalctl that say every secret in every form."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("systemctl", "journalctl"):
        path = folder / name
        text = f"print('{name} says', pathlib.Path(__file__ + '.txt').read_text())"
        text = f"#!{sys.executable}\nimport pathlib\n{text}\n"
        path.write_text(text)
        path.chmod(0o700)
    return folder


@pytest.fixture
def pages() -> Iterator[tuple[str, list[str]]]:
    """Where something like the listener answers, and what it says."""
    said: list[str] = []

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if self.path == "/readyz" else 200)
            self.end_headers()
            self.wfile.write("\n".join([self.path, *said]).encode())

        def log_message(self, *_: Any) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", said
        server.shutdown()
        thread.join()


async def planted(database: Database) -> None:
    """Secrets, and what people wrote, stand wherever PocketBase takes them."""
    add, admin = portal.add, database.admin
    tenant = f"/api/collections/tenants/records/{database.tenant_id}"
    assert (await admin.patch(tenant, json={"name": PEOPLE[1], "hold": PEOPLE[0]})).is_success
    pause = {"paused_until": "2030-01-01 00:00:00.000Z", "pause_reason": f"{PEOPLE[4]} (frau)"}
    meta = "/api/collections/listener_meta/records/main"
    assert (await admin.patch(meta, json=pause)).is_success
    variables = {"TELEGRAM_BOT_TOKEN": BOT_TOKEN, "OPENAI_API_KEY": ROUTER_KEY, "ODD": ODD, ODD: "x"}
    texts = {
        "hold": PEOPLE[0],
        "message": f"Suspended by the operator: {PEOPLE[0]}",
        "error_message": f"NOT_RUNNING · it said {ODD} · last log lines: {PEOPLE[3]}\n{ROUTER_KEY}",
    }
    row = portal.payload(database.tenant_id, "telegram-bot", "bot") | texts
    stack = await add(admin, "agent_stacks", row | {"config": {"env_vars": variables, "other": ODD}})
    await add(
        admin,
        "listener_ledger",
        {
            "id": stack["id"],
            "kind": "agent_stacks",
            "tenant_id": database.tenant_id,
            "last_spec": ROUTER_KEY,
            "applied_spec": {"wish": ODD},
            "blocked": f"SERVICE_FOREIGN {ODD}",
            "salt": BOT_TOKEN,
            "env_keys": ["OPENAI_API_KEY"],
            "format": 1,
        },
    )
    operation = {
        "stack_id": stack["id"],
        "verb": "service.create",
        "outcome": "failed",
        "actor": "users/frau",
    }
    said = {"reason": f"COOLIFY_REFUSED {ODD}", "detail": {"a": ROUTER_KEY}, "text": PEOPLE[0]}
    await add(admin, "stack_operations", operation | said)
    await add(admin, "servers", {"uuid": "fake-server", "name": "one", "note": PEOPLE[2], "is_default": True})


async def test_no_secret_and_no_free_text_is_in_any_file_in_any_form(
    database: Database, alone: dict[str, str], programs: Path, pages: tuple[str, list[str]], tmp_path: Path
) -> None:
    await planted(database)
    address, said = pages
    env = {
        **alone,
        "PATH": str(programs),
        "LISTENER_HTTP": address,
        "POCKETBASE_SUPERUSER_PASSWORD": "fake superuser/password?",
        "ROUTER_BASE_URL": f"https://user:{ROUTER_KEY}@router.example.org/v1",
    }
    env["ALERT_URLS"] = ",".join(ALERTS)
    secrets = {BOT_TOKEN, ROUTER_KEY, ODD, *ALERTS, *(env[name] for name in SECRET_SETTINGS)}
    everything = sorted(form for secret in secrets for form in forms(secret))
    for name in ("systemctl", "journalctl"):
        (programs / f"{name}.txt").write_text("\n".join(everything))
    said += everything
    path = tmp_path / "bundle.tar.gz"
    done = await cloudfreedom(env, "support-bundle", "--out", str(path))
    assert done.code == Exit.DONE, done.text
    files = opened(path)
    assert files.keys() == WANTED, done.text
    found = [(name, one) for name, text in files.items() for one in (*everything, *PEOPLE) if one in text]
    assert found == []
    assert [name for name, text in files.items() if "frau" in text] == []
    for name in WANTED:
        if name.endswith(".json") and name != "readyz.json":
            json.loads(files[name])


@pytest.mark.long
async def test_what_helps_is_inside(
    database: Database, alone: dict[str, str], programs: Path, pages: tuple[str, list[str]], tmp_path: Path
) -> None:
    await planted(database)
    for name in ("systemctl", "journalctl"):
        (programs / f"{name}.txt").write_text("fake lines")
    path = tmp_path / "bundle.tar.gz"
    env = {**alone, "PATH": str(programs), "LISTENER_HTTP": pages[0], "LISTENER_TZ": "Europe/Berlin"}
    done = await cloudfreedom(env, "support-bundle", "--out", str(path))
    assert "Read it before you send it" in done.out
    files = opened(path)
    assert [name for name in WANTED - {"README.txt"} if name not in files["README.txt"]] == []
    (stack,) = json.loads(files["stacks.json"])
    assert (stack["stack_name"], stack["hold"]) == ("bot", "set")
    assert stack["variables"] == ["ODD", "OPENAI_API_KEY", "TELEGRAM_BOT_TOKEN"]
    assert stack["reason"].startswith("NOT_RUNNING · it said *** · last log lines: (left out)")
    (row,) = json.loads(files["ledger.json"])
    assert (row["spec"], row["hash"], row["blocked"]) == ("set", "not set", "SERVICE_FOREIGN")
    told = [one for one in json.loads(files["operations.json"]) if one["verb"] == "service.create"]
    assert [(one["outcome"], one["by"], one["code"]) for one in told] == [
        ("failed", "users", "COOLIFY_REFUSED")
    ]
    settings = json.loads(files["settings.json"])["settings"]
    assert (settings["COOLIFY_TOKEN"], settings["POCKETBASE_TOKEN"]) == ("set", "not set")
    assert (settings["LISTENER_SECRETS_KEY"], settings["LISTENER_TZ"]) == ("set", "Europe/Berlin")
    assert json.loads(files["versions.json"])["libraries"]["httpx"]
    assert json.loads(files["doctor.json"])["checks"]
    status = json.loads(files["status.json"])
    assert status["stacks"][0]["hold"] == "(left out: on hold)"
    assert status["paused"].startswith("until 2030-01-01 ")
    assert (files["readyz.json"], files["metrics.txt"]) == ("HTTP 503\n/readyz", "/metrics")
    assert files["journal.txt"].startswith("journalctl says fake lines")
    again = await cloudfreedom(env, "support-bundle", "--out", str(path))
    assert (again.code, again.err.split()[1]) == (Exit.REFUSED, "FILE_EXISTS:")


@pytest.mark.long
@pytest.mark.parametrize("away", ["POCKETBASE_URL", "COOLIFY_URL", "everything"])
async def test_what_cannot_be_had_is_a_file_that_names_the_error(
    alone: dict[str, str], tmp_path: Path, away: str
) -> None:
    nowhere = "http://127.0.0.1:9"
    gone = {"POCKETBASE_URL": nowhere, "COOLIFY_URL": nowhere} if away == "everything" else {away: nowhere}
    env = {**alone, **gone, "PATH": str(tmp_path), "LISTENER_HTTP": "127.0.0.1:9"}
    path = tmp_path / "bundle.tar.gz"
    done = await cloudfreedom(env, "support-bundle", "--out", str(path))
    assert done.code == Exit.DONE, done.text
    files = opened(path)
    failed = {name.partition(".")[0] for name in files if name.endswith(".error.txt")}
    wanted = {
        "POCKETBASE_URL": {"records", "plan", "listener", "systemd"},
        "COOLIFY_URL": {"plan", "listener", "systemd"},
        "everything": {"records", "status", "plan", "listener", "systemd"},
    }[away]
    assert failed == wanted, done.text
    assert files["systemd.error.txt"].startswith("SYSTEMD_MISSING")
    assert files["listener.error.txt"].startswith("LISTENER_UNREACHABLE")
    assert "UNREACHABLE" in files["plan.error.txt"]
    assert {"settings.json", "versions.json", "doctor.json", "templates.json"} <= files.keys()
    for name in failed:
        assert f"! {name}.error.txt: not gathered: " in done.out


async def test_without_any_setting_there_is_a_bundle_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    done = await cloudfreedom({"LISTENER_HTTP": "off"}, "support-bundle", "--out", str(path))
    assert done.code == Exit.DONE, done.text
    assert "COOLIFY_URL: is not set" in opened(path)["settings.json"]


@pytest.mark.long
async def test_beside_a_listener_every_part_of_it_is_there(world: World, tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    done = await cloudfreedom(world.env, "support-bundle", "--out", str(path))
    assert done.code == Exit.DONE, done.text
    files = opened(path)
    assert WANTED - {"systemd.txt", "journal.txt"} <= files.keys()
    assert json.loads(files["readyz.json"])
    assert "workqueue_depth" in files["metrics.txt"]


@pytest.mark.parametrize("before", range(4))
def test_a_secret_inside_longer_base64_is_caught_wherever_it_begins(before: int) -> None:
    caught = net.Net()
    caught.learn([ROUTER_KEY])
    data = b"x" * before + ROUTER_KEY.encode() + b" and more"
    for coded in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        left = caught.cleaned(coded).split(logs.HIDDEN)
        assert len(left) == 2
        assert len(coded) - len("".join(left)) >= len(ROUTER_KEY) * 8 // 6 - 1, "all but a bit at each end"


def test_every_part_is_described() -> None:
    assert all(text for _, text in bundle.PARTS.values())
    assert next(iter(bundle.PARTS)) == "records", "it teaches the net what the others may say"
