"""The bot as Coolify would run it, with `/tmp` moved to a folder."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from listener.compose import catalog, limits, pack, render, template, variables

from . import fakes

BUNDLE = "CF_BOT_B64"
FOLDER = catalog.default_folder() / "telegram-bot"
RECORD = {"TELEGRAM_BOT_TOKEN": fakes.TOKEN, "OPENAI_API_KEY": fakes.KEY}
"""`config.env_vars` as the portal's dialog writes it."""
OWNED = {**RECORD, "ALLOWED_USER_IDS": str(fakes.OWNER)}


@dataclass
class Container:
    """What the compose document says about the bot's container, run without a container."""

    body: Mapping[str, Any]
    env: Mapping[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """The container's command runs."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._moved(self.body["command"]), env=self._environment(), stdout=log, stderr=log
            )

    def health(self) -> int:
        """Exit code of the health check."""
        kind, *command = self.body["healthcheck"]["test"]
        assert kind == "CMD"
        return subprocess.run(self._moved(command), env=self._environment(), check=False).returncode

    def is_up(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def end(self, number: int = signal.SIGTERM) -> int:
        """The process got the signal and ended; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def log(self) -> list[dict[str, Any]]:
        """Its log lines so far; each must be JSON."""
        lines = (self.folder / "log").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of one event."""
        return [line for line in self.log() if line["event"] == event]

    def heartbeat(self) -> dict[str, Any]:
        """What the bot last said of itself; before that, nothing."""
        file = self.folder / "heartbeat"
        found: dict[str, Any] = json.loads(file.read_text() if file.exists() else "{}")
        return found

    def _moved(self, command: list[str]) -> list[str]:
        assert command[0] == "python"
        return [sys.executable, *(part.replace("/tmp/", f"{self.folder}/") for part in command[1:])]

    def _environment(self) -> dict[str, str]:
        """As Coolify's `.env` and Compose make it: a variable that was not sent is empty."""
        values = {
            key: self.env.get(key, "") if value == f"${{{key}}}" else value
            for key, value in self.body["environment"].items()
        }
        return {**values, "HEARTBEAT_FILE": str(self.folder / "heartbeat"), "PATH": os.environ["PATH"]}


def provisioned(
    subject: template.Template, env_vars: Mapping[str, str], *, platform: Mapping[str, str], folder: Path
) -> Container:
    """What a record with these `config.env_vars` becomes."""
    resolved = variables.resolve(subject, env_vars, platform=platform)
    granted = limits.effective(subject.manifest, tier="starter", overrides={}, wish=None)
    context = render.RenderContext(
        "00000000", "t1", "acme", "s1", "cf-telegrambot-acme-1234", "starter", granted, None
    )
    return Container(
        body=render.render(subject, context=context).document["services"]["bot"],
        env={variable.key: variable.value.get_secret_value() for variable in resolved.env},
        folder=folder,
    )


def hurried(subject: template.Template, times: Mapping[str, float], folder: Path) -> template.Template:
    """The same template, its bot packed again with other times (`{"poll.FIRST_PAUSE": 0.1}`)."""
    copy = folder / "hurried"
    shutil.copytree(FOLDER / "bot", copy)
    for name, value in times.items():
        module, _, constant = name.partition(".")
        file = copy / "telegram_bot" / f"{module}.py"
        text, found = re.subn(rf"(?m)^{constant} = [\d.* ]+$", f"{constant} = {value}", file.read_text())
        assert found == 1, name
        file.write_text(text)
    return dataclasses.replace(subject, bundles={**subject.bundles, BUNDLE: pack.packed(copy)})
