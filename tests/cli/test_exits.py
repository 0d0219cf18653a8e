"""Exit codes are a contract; every error has up to three lines; Ctrl-C has none."""

from __future__ import annotations

import signal
import subprocess
import sys

import anyio
import pytest

from listener import errors
from listener.cli import exits
from listener.cli.exits import Exit
from tests.cli.commands import cloudfreedom, environment, together
from tests.fixtures import Database

MEANINGS = [
    (errors.Refusal("CONFIGURATION", "x"), Exit.CONFIGURATION),
    (errors.Refusal("SECRETS_KEY_MISSING", "x"), Exit.CONFIGURATION),
    (errors.Refusal("VARIABLE_MISSING", "x"), Exit.REFUSED),
    (errors.Terminal("CONFIRMATION_NEEDED", "x"), Exit.USAGE),
    (errors.Terminal("STACK_UNKNOWN", "x"), Exit.FAILED),
    (errors.UpstreamRefusal("COOLIFY_REFUSED", "x", status=422), Exit.FAILED),
    (errors.UpstreamUnavailable("COOLIFY_UNREACHABLE", "x"), Exit.UNAVAILABLE),
    (errors.Throttled("COOLIFY_THROTTLED", "x", after=1), Exit.UNAVAILABLE),
    (errors.Global("COOLIFY_TOKEN_REFUSED", "x"), Exit.CREDENTIALS),
]


@pytest.mark.parametrize(("error", "code"), MEANINGS, ids=[error.code for error, _ in MEANINGS])
def test_an_error_means_its_exit_code(error: errors.ListenerError, code: Exit) -> None:
    assert exits.code_of(error) is code


def test_an_error_is_told_in_three_parts(capsys: pytest.CaptureFixture[str]) -> None:
    exits.tell(errors.Refusal("A_CODE", "words for its user", what="x", why="a cause", fix="a remedy"))
    assert capsys.readouterr().err.splitlines() == [
        "error A_CODE: words for its user",
        "  why: a cause",
        "  fix: a remedy",
    ]


def test_an_error_in_groups_of_tasks_is_told_like_one_alone(capsys: pytest.CaptureFixture[str]) -> None:
    inner = BaseExceptionGroup("inner", [errors.Global("SCHEMA_MISSING", "no schema")])
    assert exits.told(BaseExceptionGroup("outer", [inner])) is Exit.CREDENTIALS
    assert capsys.readouterr().err == "error SCHEMA_MISSING: no schema\n"


def test_a_bug_keeps_its_traceback() -> None:
    assert exits.told(ExceptionGroup("tasks", [ValueError("bug")])) is None


async def test_help_is_quick_because_it_loads_nothing() -> None:
    code = (
        "import sys\nfrom listener.cli import main\ntry:\n main.app(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'httpx', 'pydantic', 'anyio', 'structlog', 'rich'} & sys.modules.keys()"
    )
    await anyio.run_process([sys.executable, "-c", code], env=environment({}))


async def test_the_daemon_loads_nothing_that_only_commands_need() -> None:
    code = (
        "import sys\nfrom listener.cli import entry\nsys.argv = ['cloudfreedom', 'run']\n"
        "try:\n entry.main()\nexcept SystemExit as ended: assert ended.code == 78, ended.code\n"
        "assert not {'typer', 'rich.console', 'pygments.lexers', 'listener.cli.main'} & sys.modules.keys()"
    )
    await anyio.run_process([sys.executable, "-c", code], env=environment({}))


async def test_wrong_use_is_exit_2() -> None:
    commands = ("", "deploy --tenant acme", "apply", "nonsense", "init", "schema")
    used = await together({}, *commands)
    assert [done.code for done in used] == [Exit.USAGE] * len(commands)


async def test_init_makes_a_key() -> None:
    done = await cloudfreedom({}, "init", "--key")
    assert (done.code, len(done.out.strip())) == (Exit.DONE, 44)


@pytest.mark.usefixtures("_interruptible")
async def test_ctrl_c_ends_a_wait_without_a_traceback(database: Database) -> None:
    row = {
        "tenant_id": database.tenant_id,
        "template": "telegram-bot",
        "stack_name": "bot",
        "status": "pending",
    }
    assert (await database.admin.post("/api/collections/agent_stacks/records", json=row)).is_success
    env = {"POCKETBASE_URL": database.url, "POCKETBASE_PASSWORD": database.password.get_secret_value()}
    command = [sys.executable, "-m", "listener.cli.main", "apply", "bot", "--wait"]
    async with await anyio.open_process(command, env=environment(env), stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = b""
        while b"Waiting: pending" not in printed:
            printed += await process.stdout.receive()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == Exit.INTERRUPTED
        errors_printed = b"".join([part async for part in process.stderr])
    assert b"Traceback" not in errors_printed
