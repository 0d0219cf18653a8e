"""Logs: of which container, without secrets, and followed through an outage."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import anyio
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from listener import errors
from listener.cli import logs
from listener.cli.exits import Exit
from listener.sandbox.standin import faults
from tests import portal
from tests.cli.commands import BOT_TOKEN, ROUTER_KEY, cloudfreedom, environment
from tests.cli.conftest import Coolify
from tests.cli.test_alone import known
from tests.fixtures import Database

SHORT = "tiny"
"""A secret of four characters, which nothing but the template can tell from a word."""


@pytest_asyncio.fixture
async def stack(
    database: Database, coolify: Coolify, alone: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """The id of acme/talker, which runs; commands called in this process find it."""
    for name, value in alone.items():
        monkeypatch.setenv(name, value)
    config = {"env_vars": {"TELEGRAM_BOT_TOKEN": BOT_TOKEN, "OPENAI_API_KEY": SHORT, "MODEL": "mild"}}
    record_id = await known(database, coolify, "talker", config=config)
    await coolify.inside.run_jobs()
    return record_id


class Printed(NamedTuple):
    """What was printed, on either stream."""

    out: str
    err: str


def prints(coolify: Coolify, *lines: str) -> faults.Fault:
    """What the container has printed, for the next reading."""
    fault = coolify.inside.faults.add("GET", "/logs$", reply=200)
    fault.body = json.dumps({"logs": "".join(f"{line}\n" for line in lines)})
    return fault


@pytest.mark.usefixtures("stack")
async def test_the_only_container_is_taken_and_its_secrets_are_masked(
    coolify: Coolify, alone: dict[str, str]
) -> None:
    prints(
        coolify,
        "first",
        f"token {BOT_TOKEN}",
        f"key={SHORT}",
        "model mild",
        "old sk-fake-fake-fake",
        "a\x1b[2Jb",
    )
    done = await cloudfreedom(alone, "logs", "acme/talker", "--tail", "5")
    assert done.code == Exit.DONE, done.text
    assert done.out.splitlines() == ["token ***", "key=***", "model mild", "old ***", "a [2Jb"]


async def test_a_secret_of_an_earlier_configuration_stays_masked_while_followed(
    database: Database, coolify: Coolify, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prints(coolify, "start")
    async with following(every=0.05):
        await until(capsys, "start")
        row = {"config": {"env_vars": {"MODEL": "a-new-value"}}}
        await database.admin.patch(f"/api/collections/agent_stacks/records/{stack}", json=row)
        prints(coolify, "start", f"{ROUTER_KEY} {SHORT} a-new-value")
        await until(capsys, f"{ROUTER_KEY} *** ***")


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [((), "CONTAINER_NEEDED", Exit.USAGE), (("--container", "db"), "CONTAINER_UNKNOWN", Exit.FAILED)],
    ids=["none named", "wrong name"],
)
async def test_who_names_no_container_of_several_is_told_which_exist(
    database: Database, coolify: Coolify, alone: dict[str, str], *,
    words: tuple[str, ...], code: str, exit_code: Exit,
) -> None:  # fmt: skip
    await known(database, coolify, "pair", containers=("web", "worker"))
    await coolify.inside.run_jobs()
    done = await cloudfreedom(alone, "logs", "pair", *words)
    assert (done.code, done.err.split()[1]) == (exit_code, f"{code}:"), done.text
    assert "web (running:" in done.err
    assert "worker (running:" in done.err
    prints(coolify, "hello")
    named = await cloudfreedom(alone, "logs", "pair", "--container", "worker")
    assert (named.code, named.out) == (Exit.DONE, "hello\n"), named.text


async def test_what_does_not_run_or_was_never_made_has_no_logs(
    database: Database, coolify: Coolify, stack: str
) -> None:
    coolify.inside.faults.add("GET", "/logs$", reply=404).body = '{"message":"Container not found."}'
    row = portal.payload(database.tenant_id, "telegram-bot", "unborn")
    unborn = await portal.add(database.admin, "agent_stacks", row)
    for named, why in ((stack, "Container not found."), (unborn["id"], "no service for it")):
        with pytest.raises(errors.Terminal, match="there are no logs") as caught:
            await logs.logs(named, container="", tail=10, follow=False)
        assert (caught.value.code, why in caught.value.why) == ("LOGS_NONE", True)


@pytest.mark.long
@pytest.mark.usefixtures("stack")
async def test_following_prints_only_new_lines_and_survives_an_outage_with_one_notice(
    coolify: Coolify, capsys: pytest.CaptureFixture[str]
) -> None:
    prints(coolify, "one", "two", "two")
    prints(coolify, "one", "two", "two")
    prints(coolify, "one", "two", "two", "two")
    coolify.inside.faults.add("GET", "/logs$", times=6, reply=503)
    prints(coolify, "two", "two", "two", "three")
    coolify.inside.faults.add("GET", "/logs$", reply=404).body = '{"message":"Container not found."}'
    prints(coolify, "born again")
    async with following(every=0.02):
        seen = await until(capsys, "born again")
    assert seen.out.splitlines()[:6] == ["one", "two", "two", "two", "three", "born again"]
    first, second, *rest = seen.err.splitlines()
    assert first == "Waiting for the log: COOLIFY_NO_ANSWER: HTTP 503"
    assert second.startswith("Waiting for the log: LOGS_NONE: bot does not run now")
    assert rest == []


FRESH: dict[str, tuple[list[str], list[str], list[str]]] = {
    "nothing yet": ([], ["a"], ["a"]),
    "the same": (["a", "b"], ["a", "b"], []),
    "longer": (["a"], ["a", "b"], ["b"]),
    "window moved": (["a", "b", "c"], ["b", "c", "d"], ["d"]),
    "a new container": (["a", "b"], ["x"], ["x"]),
    "repeated lines": (["a", "a"], ["a", "a", "a"], ["a"]),
    "emptied": (["a"], [], []),
}


@pytest.mark.parametrize("name", FRESH)
def test_new_lines_are_those_after_the_longest_common_end(name: str) -> None:
    seen, lines, new = FRESH[name]
    assert logs.fresh(seen, lines) == new


@pytest.mark.usefixtures("stack")
async def test_lines_that_rush_past_are_missed_aloud(
    coolify: Coolify, capsys: pytest.CaptureFixture[str]
) -> None:
    prints(coolify, *numbered(0, logs.WINDOW))
    prints(coolify, *numbered(5000, logs.WINDOW))
    async with following(every=0.02):
        seen = await until(capsys, f"line {5000 + logs.WINDOW - 1}")
    assert f"More than {logs.WINDOW} lines came at once" in seen.err
    assert seen.out.splitlines()[:2] == [f"line {logs.WINDOW - 10}", f"line {logs.WINDOW - 9}"]


@pytest.mark.usefixtures("stack", "_interruptible")
async def test_ctrl_c_ends_following_without_a_traceback(alone: dict[str, str]) -> None:
    command = [sys.executable, "-m", "listener.cli.main", "logs", "talker", "--follow"]
    async with await anyio.open_process(command, env=environment(alone), stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert await process.stdout.receive() == b"bot has started\n"
        process.send_signal(signal.SIGINT)
        assert await process.wait() == Exit.INTERRUPTED
        assert b"".join([part async for part in process.stderr]) == b""


def numbered(first: int, count: int) -> Sequence[str]:
    """So many lines, each another."""
    return [f"line {number}" for number in range(first, first + count)]


@asynccontextmanager
async def following(*, every: float) -> AsyncIterator[None]:
    """acme/talker is followed inside, its last ten lines first; as in a command, our own log is silent."""
    with capture_logs():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(
                partial(logs.logs, "acme/talker", container="", tail=10, follow=True, every=every)
            )
            yield
            tasks.cancel_scope.cancel()


async def until(capsys: pytest.CaptureFixture[str], line: str) -> Printed:
    """What was printed from the last call up to this line, which came."""
    out = err = ""
    with anyio.fail_after(20):
        while line not in out.splitlines():
            await anyio.sleep(0.01)
            part = capsys.readouterr()
            out, err = out + part.out, err + part.err
    return Printed(out, err)
