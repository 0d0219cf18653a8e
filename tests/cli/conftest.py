"""Worlds for commands: one with a daemon for the session, and a stand-in for Coolify of a test's own."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import uvicorn
from anyio.from_thread import start_blocking_portal

from listener.dockerwatch import disk
from listener.sandbox import standin
from listener.sandbox import world as worlds
from listener.secrets import sealing
from tests.fixtures import Database


@dataclass(frozen=True)
class Coolify:
    """A stand-in that answers over HTTP and can be looked into."""

    inside: standin.StandIn
    url: str


@pytest.fixture(scope="session", autouse=True)
def _few_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No real certificate is met here, and the authorities of the real ones take 40 ms a client to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("authorities")))
        yield


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """A shell's background job ignores SIGINT, and so would the children of a test run in one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[worlds.World]:
    """PocketBase, stand-in and daemon, shared: tests make tenants of their own."""
    folder = tmp_path_factory.mktemp("world")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(worlds.running(folder)) as running,
    ):
        yield running


@pytest.fixture
def coolify() -> Iterator[Coolify]:
    """A stand-in of the test's own."""
    inside, port = standin.StandIn(server_uuid="fake-server"), worlds.free_port()
    server = uvicorn.Server(
        uvicorn.Config(inside.app, port=port, log_level="critical", lifespan="off", date_header=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Coolify(inside, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join()


@pytest.fixture
def alone(database: Database, coolify: Coolify) -> dict[str, str]:
    """The settings of a world in which no listener runs: `database` and `coolify`. Its disk was measured."""
    measured = database.server.data_dir / "disk.json"
    disk.write(disk.Report(datetime.now(UTC), 20 * 1024, 40 * 1024, {}), measured)
    return {
        "POCKETBASE_URL": database.url,
        "POCKETBASE_PASSWORD": database.password.get_secret_value(),
        "COOLIFY_URL": coolify.url,
        "COOLIFY_TOKEN": coolify.inside.token,
        "COOLIFY_SERVER_UUID": coolify.inside.server.uuid,
        "LISTENER_DNS": "off",
        "ROUTER_BASE_URL": "https://router.example.org/v1",
        "LISTENER_SECRETS_KEY": sealing.new_key(),
        "LISTENER_STATE_DIR": str(database.server.data_dir / "state"),
        "LISTENER_DISK_FILE": str(measured),
    }
