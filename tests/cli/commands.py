"""Running commands, and never letting a secret pass."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

BOT_SECRET = "FAKE-fake-FAKE-fake-FAKE-fake-FAKE0"
BOT_TOKEN = f"1234567890:{BOT_SECRET}"
ROUTER_KEY = "fake-router-key-of-a-tenant"
PROMPT = "Sei freundlich.\nAntworte 'kurz' und nenne nie fake-hidden-word."
PLANTED = (BOT_SECRET, ROUTER_KEY, "fake-hidden-word")
SECRET_SETTINGS = (
    "POCKETBASE_PASSWORD",
    "POCKETBASE_SUPERUSER_PASSWORD",
    "COOLIFY_TOKEN",
    "LISTENER_SECRETS_KEY",
)


@dataclass(frozen=True)
class Done:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything printed, for a look at a failed test."""
        return f"{self.out}{self.err}[exit {self.code}]"


async def cloudfreedom(env: Mapping[str, str], *words: str) -> Done:
    """The command has ended; nothing that it printed holds a secret of its settings or of a planted file."""
    done = await anyio.run_process(
        [sys.executable, "-m", "listener.cli.main", *words],
        env=environment(env),
        cwd=Path(__file__).parent,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    told = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    secrets = (*PLANTED, *(env[name] for name in SECRET_SETTINGS if env.get(name)))
    assert [name for name in secrets if name in told.text] == []
    assert "Traceback" not in told.err, told.err
    return told


async def together(env: Mapping[str, str], *commands: str) -> list[Done]:
    """Every command, all at once, in the order given."""
    results: dict[str, Done] = {}

    async def run(command: str) -> None:
        results[command] = await cloudfreedom(env, *command.split())

    async with anyio.create_task_group() as tasks:
        for command in commands:
            tasks.start_soon(run, command)
    return [results[command] for command in commands]


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The settings and nothing else of ours that may stand in the environment; tables as on a terminal."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SSL_CERT_DIR") if name in os.environ}
    return {"CLOUDFREEDOM_JSON": "0", **kept, **env}


def bot_token(of: str) -> str:
    """A token of its own for each name: no two stacks may have the same."""
    return f"{zlib.crc32(of.encode()):010d}:{BOT_SECRET}"


def env_file(folder: Path, **changes: str) -> Path:
    """A file of variables for the template telegram-bot, secrets planted."""
    values = {
        "TELEGRAM_BOT_TOKEN": bot_token(str(folder)),
        "OPENAI_API_KEY": ROUTER_KEY,
        "SYSTEM_PROMPT": PROMPT,
        **changes,
    }
    path = folder / "bot.env"
    path.write_text("# the bot\n" + "".join(f'{name}="{value}"\n' for name, value in values.items()))
    return path
