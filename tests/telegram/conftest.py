"""The bot as Coolify would run it, with `/tmp` moved to a test's folder."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from listener.compose import catalog, limits, render, template, variables

from . import fakes

RECORD = {"TELEGRAM_BOT_TOKEN": fakes.TOKEN, "OPENAI_API_KEY": fakes.KEY}
"""`config.env_vars` as the portal's dialog writes it."""
OWNED = {**RECORD, "ALLOWED_USER_IDS": str(fakes.OWNER)}


@pytest.fixture(scope="session")
def bot_template() -> template.Template:
    """The template that ships with the listener."""
    found = catalog.Catalog.load().get("telegram-bot")
    assert found is not None
    return found


@pytest.fixture
def telegram() -> Iterator[fakes.FakeTelegram]:
    """The Bot API."""
    server = fakes.FakeTelegram()
    yield server
    server.close()


@pytest.fixture
def router() -> Iterator[fakes.FakeRouter]:
    """The Router."""
    server = fakes.FakeRouter()
    yield server
    server.gate.set()
    server.close()


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

    def end(self, number: int = signal.SIGTERM) -> int:
        """The process got the signal and ended; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def log(self) -> list[dict[str, Any]]:
        """Its log lines so far; each must be JSON."""
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

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


Run = Callable[..., Container]


@pytest.fixture
def run(
    bot_template: template.Template,
    telegram: fakes.FakeTelegram,
    router: fakes.FakeRouter,
    tmp_path: Path,
) -> Iterator[Run]:
    """Provision a bot from `config.env_vars` and start it; it is ended with the test."""
    containers: list[Container] = []

    def provision(env_vars: Mapping[str, str] = OWNED) -> Container:
        platform = {"ROUTER_BASE_URL": f"{router.url}/v1", "TELEGRAM_API_BASE": telegram.url}
        resolved = variables.resolve(bot_template, env_vars, platform=platform)
        granted = limits.effective(bot_template.manifest, tier="starter", overrides={}, wish=None)
        context = render.RenderContext(
            "00000000", "t1", "acme", "s1", "cf-telegrambot-acme-1234", "starter", granted, None
        )
        container = Container(
            body=render.render(bot_template, context=context).document["services"]["bot"],
            env={variable.key: variable.value.get_secret_value() for variable in resolved.env},
            folder=tmp_path,
        )
        container.start()
        containers.append(container)
        return container

    yield provision
    for container in containers:
        if container.process is not None and container.process.poll() is None:
            container.process.kill()
            container.process.wait()


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A module of the bot, imported from its folder."""
    monkeypatch.syspath_prepend(catalog.default_folder() / "telegram-bot" / "bot")
    return lambda name: importlib.import_module(f"telegram_bot.{name}")
