"""`cloudfreedom sandbox --faults example`, as a person types it: everything goes wrong, and all ends well."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx
import pytest
from anyio.streams.text import TextReceiveStream

from listener.sandbox import faults_file, people

STACKS = "/api/collections/agent_stacks/records"
READY = 90.0
SECONDS = 60.0
"""From readiness until every stack must run: half a minute of faults, and what they leave to wait for."""


@dataclass
class Sandbox:
    """The command while it runs, with all that it printed so far."""

    process: anyio.abc.Process
    printed: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything printed."""
        return "".join(self.printed)

    async def read(self) -> None:
        """Reads until the command ends."""
        assert self.process.stdout is not None
        async for piece in TextReceiveStream(self.process.stdout):
            self.printed.append(piece)

    async def until(self, pattern: str, seconds: float) -> re.Match[str]:
        """The pattern was printed; what it found."""
        with anyio.move_on_after(seconds):
            while not (found := re.search(pattern, self.text)):
                await anyio.sleep(0.1)
            return found
        raise AssertionError(f"not within {seconds:.0f} s: {pattern}\n{self.text}")


@asynccontextmanager
async def typed(*words: str) -> AsyncIterator[Sandbox]:
    """The command, ended by Ctrl-C with exit code 0."""
    command = [sys.executable, "-u", "-m", "listener.cli.main", "sandbox", *words]
    async with (
        await anyio.open_process(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process,
        anyio.create_task_group() as tasks,
    ):
        sandbox = Sandbox(process)
        tasks.start_soon(sandbox.read)
        try:
            yield sandbox
        finally:
            process.send_signal(signal.SIGINT)
            with anyio.CancelScope(shield=True):
                code = await process.wait()
        assert code == 0, sandbox.text


@asynccontextmanager
async def staff(sandbox: Sandbox) -> AsyncIterator[people.Person]:
    """The superuser that the sandbox introduced, in the demo's tenant; past the proxy."""
    url, email, password = (await sandbox.until(r"admin UI +(\S+)/_/ +(\S+) +(\S+)\n", READY)).groups()
    async with httpx.AsyncClient(base_url=url) as http:
        sign_in = {"identity": email, "password": password}
        path = "/api/collections/_superusers/auth-with-password"
        http.headers["Authorization"] = (await people.ask(http, "POST", path, sign_in))["token"]
        (tenant,) = (await people.ask(http, "GET", "/api/collections/tenants/records"))["items"]
        yield people.Person(http, tenant["id"], email, "")


async def rows(person: people.Person) -> list[Any]:
    """Every stack's record."""
    found: list[Any] = (await people.ask(person.http, "GET", STACKS))["items"]
    return found


async def until_shown(person: people.Person, sandbox: Sandbox, wanted: list[str]) -> None:
    """The records show these status words, in whatever order; else an error with all that was printed."""
    shown: list[str] = []
    with anyio.move_on_after(SECONDS):
        while (shown := sorted(row["status"] for row in await rows(person))) != wanted:
            await anyio.sleep(0.2)
        return
    raise AssertionError(f"{shown}, not {wanted}\n{sandbox.text}")


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_under_every_fault_five_stacks_come_up_once_each_and_one_stops(tmp_path: Path) -> None:
    """The example loses the first stop: it is asked for again."""
    async with typed("--faults", "example", "--data", str(tmp_path)) as sandbox, staff(sandbox) as person:
        standin = (await sandbox.until(r"stand-in +(\S+)/_standin", READY))[1]
        for number in range(4):
            token = people.BOT_TOKEN.replace("1234567890", f"123456788{number}")
            await person.create_stack(f"bot-{number}", token=token)
            await anyio.sleep(2)
        await until_shown(person, sandbox, ["running"] * 5)
        for number in range(len(faults_file.load(Path("example")))):
            await sandbox.until(rf"fault {number + 1} (begins|strikes)", SECONDS)
        records = await rows(person)
        async with httpx.AsyncClient(base_url=standin) as http:
            services = (await people.ask(http, "GET", "/_standin/state"))["services"]
        await person.change_stack(records[0]["id"], desired_state="suspended")
        await until_shown(person, sandbox, ["running"] * 4 + ["suspended"])
        assert "fault 15 ends" in sandbox.text
    made = {service["name"].rpartition("-")[2]: service for service in services}
    assert len(services) == len(made) == 5
    for row in records:
        assert made[row["id"]]["uuid"] == row["coolify_service_uuid"]
        assert all(made[row["id"]]["containers"].values())
