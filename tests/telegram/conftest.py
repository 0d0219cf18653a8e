"""The bot, provisioned and started against the fakes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from listener.compose import catalog, template

from . import container, fakes


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


Run = Callable[..., container.Container]
Module = Callable[[str], Any]


@pytest.fixture
def run(
    bot_template: template.Template,
    telegram: fakes.FakeTelegram,
    router: fakes.FakeRouter,
    tmp_path: Path,
) -> Iterator[Run]:
    """Provision a bot from `config.env_vars`, with other times if wanted, and start it."""
    bots: list[container.Container] = []
    platform = {"ROUTER_BASE_URL": f"{router.url}/v1", "TELEGRAM_API_BASE": telegram.url}

    def provision(
        env_vars: Mapping[str, str] = container.OWNED, **seconds: Mapping[str, float]
    ) -> container.Container:
        times = {f"{module}.{name}": value for module, of in seconds.items() for name, value in of.items()}
        subject = container.hurried(bot_template, times, tmp_path) if times else bot_template
        folder = tmp_path / "tmp"
        folder.mkdir()
        bots.append(container.provisioned(subject, env_vars, platform=platform, folder=folder))
        bots[-1].start()
        return bots[-1]

    yield provision
    for bot in bots:
        if bot.process is not None and bot.is_up():
            bot.process.kill()
            bot.process.wait()


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Module:
    """A module of the bot, imported from its folder."""
    monkeypatch.syspath_prepend(container.FOLDER / "bot")
    return lambda name: importlib.import_module(f"telegram_bot.{name}")
