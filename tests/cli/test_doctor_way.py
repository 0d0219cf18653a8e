"""What stands between: addresses that lead elsewhere, streams held back or cut, and what mends each."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest

from listener.cli.doctor import between, report
from listener.sandbox import pocketbase, world
from listener.sandbox.standin import faults
from tests import fixtures
from tests.cli.test_doctor import DEAF, examined, marks
from tests.faults import proxy as proxies
from tests.fixtures import Database
from tests.probe.authority import Authority

LEASE = "/api/collections/listener_lease/records/main"
META = "/api/collections/listener_meta/records/main"
NGINX = """daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {target}; {added} }}
  }}
}}
"""


@pytest.fixture
def nginx() -> str:
    """The program's path. Without it the test is skipped, but not where CI is set."""
    path = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None and not os.environ.get("CI"):
        pytest.skip("nginx is not installed")
    assert path is not None, "nginx is missing: apt-get install nginx"
    return path


def line_of(found: dict[str, list[report.Line]], check: str, mark: report.Mark) -> report.Line:
    """The check's one line with that mark."""
    (line,) = [one for one in found[check] if one.mark is mark]
    return line


@pytest.mark.long
async def test_every_address_is_tried_and_the_one_to_use_is_named(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    found = await examined(monkeypatch, {**alone, "POCKETBASE_URL": f"{DEAF},{database.url}"})
    assert (marks(found["PocketBase"]), marks(found["PocketBase account"])) == ("!✓", "!")
    assert found["PocketBase"][0].text.startswith(f"{DEAF} does not answer: ")
    used = found["PocketBase account"][0]
    assert f"only at {database.url}" in used.text
    setting = re.match(r"POCKETBASE_URL=(\S+), or that address alone$", used.fix)
    assert setting is not None, used.fix
    for value, expected in ((setting[1], "✓!"), (setting[1].split(",")[0], "✓")):
        found = await examined(monkeypatch, {**alone, "POCKETBASE_URL": value})
        assert (marks(found["PocketBase"]), marks(found["PocketBase account"])) == (expected, "✓")


async def test_two_databases_behind_two_addresses_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
    alone: dict[str, str],
    database: Database,
    prepared_database: Path,
    tmp_path: Path,
) -> None:
    folder = shutil.copytree(prepared_database, tmp_path / "other")
    async with pocketbase.running(folder) as other, fixtures.superuser(other) as admin:
        assert (await admin.patch(META, json={"inst": "fakeinst"})).is_success
        found = await examined(monkeypatch, {**alone, "POCKETBASE_URL": f"{database.url},{other.url}"})
    assert marks(found["PocketBase account"]) == "✓✗"
    assert f"{other.url} is another PocketBase (installation fakeinst)" in found["PocketBase account"][1].text
    assert "take the wrong one out" in found["PocketBase account"][1].fix


STRANGERS = {
    "login": (
        302,
        {"Location": "https://login.example.org/?to=x"},
        "leads to login.example.org",
        "without a login",
    ),
    "moved": (308, {"Location": "{url}/pb/api/health"}, "leads on to {url}/pb", "set POCKETBASE_URL to that"),
    "challenge": (403, {"cf-mitigated": "challenge"}, "a challenge of Cloudflare's", "exempt /api"),
    "nginx": (404, {"Server": "nginx"}, "answers through nginx, but not as", "check POCKETBASE_URL"),
}
"""Who answers -> status and headers of the answer; what is told of it, and how it is mended."""


@pytest.mark.parametrize("who", STRANGERS)
async def test_an_answer_of_somebody_else_is_told_for_what_it_is(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database, who: str
) -> None:
    status, headers, text, fix = STRANGERS[who]
    async with proxies.before(port_of(database)) as proxy:
        headers = {name: value.format(url=proxy.url) for name, value in headers.items()}
        proxy.faults.put(faults.Fault("GET", "^/api/health", reply=status, headers=headers))
        blocked = {**alone, "POCKETBASE_URL": proxy.url}
        line = line_of(await examined(monkeypatch, blocked), "PocketBase", report.Mark.FAILURE)
        assert text.format(url=proxy.url) in line.text
        assert fix in line.fix
        assert marks((await examined(monkeypatch, blocked))["PocketBase"]) == "✓"


@pytest.mark.long
async def test_an_authority_that_nobody_knows_here_is_named_as_the_cause(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    async with tls(authority, port_of(database)) as url:
        line = (await examined(monkeypatch, {**alone, "POCKETBASE_URL": url}))["PocketBase"][0]
        assert "a certificate that nobody known here vouches for" in line.text
        assert line.fix.startswith("set POCKETBASE_CA_FILE ")
        path = tmp_path / "ca.pem"
        path.write_text(authority.pem())
        trusted = {**alone, "POCKETBASE_URL": url, "POCKETBASE_CA_FILE": str(path)}
        found = await examined(monkeypatch, trusted)
        assert (marks(found["PocketBase"]), marks(found["PocketBase account"])) == ("✓", "✓")


@pytest.mark.long
async def test_a_stream_that_is_held_back_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    async with proxies.before(port_of(database)) as proxy, led(database):
        proxy.faults.put(faults.Fault("GET", "^/api/realtime", reply=None, delay=30.0))
        env = {**alone, "POCKETBASE_URL": proxy.url}
        line = line_of(await examined(monkeypatch, env), "live stream", report.Mark.FAILURE)
        assert line.text == "held back: PocketBase's first message did not come within 6 s"
        assert all(fix in line.fix for fix in between.STREAMS.values())
        assert marks((await examined(monkeypatch, env))["live stream"]) == "✓"


@pytest.mark.long
async def test_a_stream_that_turns_deaf_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    async with proxies.before(port_of(database)) as proxy, led(database, seconds=1.0):
        env = {**alone, "POCKETBASE_URL": proxy.url, "LISTENER_BEAT_SECONDS": "1.5"}

        async def deafen() -> None:
            while not proxy.deafen(streams_only=True):
                await anyio.sleep(0.01)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deafen)
            found = await examined(monkeypatch, env)
        assert "held back: " in line_of(found, "live stream", report.Mark.FAILURE).text
        assert marks((await examined(monkeypatch, env))["live stream"]) == "✓"


@pytest.mark.long
async def test_a_stream_that_is_cut_while_it_is_watched_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    async with proxies.before(port_of(database)) as proxy, led(database):
        env = {**alone, "POCKETBASE_URL": proxy.url}

        async def cut() -> None:
            while not any(line.is_stream for line in proxy._lines):
                await anyio.sleep(0.05)
            await anyio.sleep(1.0)
            proxy.cut()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cut)
            found = await examined(monkeypatch, env, watch=4.0)
        line = line_of(found, "live stream", report.Mark.FAILURE)
        assert re.fullmatch(r"cut after [12]\.\d s \(\w+\)", line.text), line.text
        held = (await examined(monkeypatch, env, watch=2.0))["live stream"]
        assert (marks(held), held[0].text.endswith("held for 2 s")) == ("✓", True)


BROKEN = {
    "held back": (
        "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
        "held back: ",
    ),
    "cut": ("proxy_read_timeout 2s;", "cut after 2"),
}
"""How an nginx is set wrong, and what is told of it."""


@pytest.mark.long
@pytest.mark.parametrize("how", BROKEN)
async def test_a_real_nginx_is_mended_by_the_line_that_is_printed(
    nginx: str, monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database, how: str
) -> None:
    directives, text = BROKEN[how]
    env = {**alone, "POCKETBASE_URL": f"http://127.0.0.1:{world.free_port()}", "LISTENER_BEAT_SECONDS": "1"}
    seconds = 0.3 if how == "held back" else 3600.0
    async with led(database, seconds=seconds):
        async with serving(nginx, env["POCKETBASE_URL"], database, directives):
            line = line_of(await examined(monkeypatch, env, watch=3.5), "live stream", report.Mark.FAILURE)
        assert line.text.startswith(text), line.text
        printed = re.fullmatch(
            r"(?:switch off .+: )?in nginx's location of /api/realtime `([^`]+)`", line.fix
        )
        assert printed is not None, line.fix
        named = {one.split()[0] for one in printed[1].split(";") if one.strip()}
        kept = [one for one in directives.split(";") if one.strip() and one.split()[0] not in named]
        async with serving(nginx, env["POCKETBASE_URL"], database, f"{';'.join([*kept, ''])} {printed[1]}"):
            found = (await examined(monkeypatch, env, watch=3.5))["live stream"]
        assert marks(found) == ("✓" if how == "held back" else "?"), found


@asynccontextmanager
async def led(database: Database, *, seconds: float = 0.3) -> AsyncIterator[None]:
    """The lease is renewed every so many seconds, as by a listener."""

    async def beat() -> None:
        while True:
            answer = await database.admin.patch(LEASE, json={"fence+": 1, "holder": "fake-holder"})
            assert answer.is_success, answer.text
            await anyio.sleep(seconds)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(beat)
        yield
        tasks.cancel_scope.cancel()


def port_of(database: Database) -> int:
    """Where it listens."""
    return int(database.url.rpartition(":")[2])


@asynccontextmanager
async def serving(nginx: str, url: str, database: Database, added: str) -> AsyncIterator[None]:
    """A real nginx at that address before the database, with these directives."""
    folder, port = database.server.data_dir, int(url.rpartition(":")[2])
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder=folder, port=port, target=database.url, added=added))
    process = await anyio.open_process([nginx, "-c", str(path), "-e", str(folder / "error.log")])
    try:
        with anyio.fail_after(10):
            while True:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    await anyio.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.aclose()


@asynccontextmanager
async def tls(authority: Authority, target: int) -> AsyncIterator[str]:
    """The address of a door with TLS, whose certificate that authority signed, before a port."""

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(65536):
                sink.write(piece)
                await sink.drain()
        sink.transport.abort()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    door = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=authority.for_host("localhost"))
    try:
        yield f"https://localhost:{door.sockets[0].getsockname()[1]}"
    finally:
        door.close()
