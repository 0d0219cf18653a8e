"""The bot's small parts, at their bounds."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import fakes
from .conftest import Module
from .container import FOLDER


class Clock:
    """Time that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_memory_is_bounded_in_turns_characters_age_and_chats(module: Module) -> None:
    parts, clock = module("memory"), Clock()
    memory = parts.Memory(clock)
    for number in range(30):
        memory.keep(1, f"q{number}", "a")
    assert len(memory.recall(1)) == 2 * parts.TURNS
    memory.keep(1, "long", "x" * (parts.CHARACTERS - 4))
    assert [m["content"][:4] for m in memory.recall(1)] == ["long", "xxxx"]
    memory.keep(1, "longer", "x" * parts.CHARACTERS)
    assert [len(m["content"]) for m in memory.recall(1)] == [6, parts.CHARACTERS - 6]
    for chat in range(2, parts.CHATS + 2):
        memory.keep(chat, "q", "a")
    memory.keep(500, "q", "a")
    assert (memory.recall(2), len(memory.recall(3))) == ([], 2)
    clock.now += parts.SECONDS + 1
    assert memory.recall(3) == []


def test_quota_limits_a_burst_and_an_hour(module: Module) -> None:
    parts, clock = module("quota"), Clock()
    quota = parts.Quota(7, clock)
    assert [quota.take(1) for _ in range(5)] == [0.0] * 5
    assert quota.take(1) == parts.BURST_SECONDS
    assert quota.take(2) == 0
    clock.now += parts.BURST_SECONDS
    assert [quota.take(1), quota.take(1)] == [0, 0]
    assert quota.take(1) == parts.HOUR - parts.BURST_SECONDS
    clock.now += parts.HOUR
    assert quota.take(1) == 0


def test_inbox_acknowledges_only_what_is_finished(module: Module) -> None:
    inbox = module("inbox").Inbox()
    assert inbox.offset() is None
    assert [inbox.take(n) for n in (5, 6, 7, 6)] == [True, True, True, False]
    inbox.finish(6)
    assert inbox.offset() == 5
    assert not inbox.take(6)
    inbox.finish(5)
    assert inbox.offset() == 7
    inbox.finish(7)
    assert [inbox.take(n) for n in (5, 6, 7)] == [False, False, False]
    assert inbox.offset() == 8


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("a 😀\n"), max_size=12_000))
def test_split_loses_nothing_but_blanks_and_fits(module: Module, text: str) -> None:
    units = module("units")
    parts = units.split(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(len(part.encode("utf-16-le")) // 2 <= units.LONGEST for part in parts)


def test_split_cuts_text_without_blanks_within_the_limit(module: Module) -> None:
    split = module("units").split
    assert [len(part) for part in split("x" * 5000)] == [4096, 904]
    assert [len(part) for part in split("😀" * 3000)] == [2048, 952]
    assert [len(part) for part in split("x" + "😀" * 3000)] == [2048, 953]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"https://api.example.org/bot{fakes.TOKEN}/getMe", id="address"),
        pytest.param(f"token {fakes.TOKEN}", id="token"),
        pytest.param("Authorization: Bearer fake-secret-fake-secret", id="header"),
        pytest.param(f"it is {fakes.KEY}!", id="known secret"),
    ],
)
def test_the_log_redacts(module: Module, text: str) -> None:
    redacted = module("log").Log((fakes.KEY,)).redacted(text)
    assert "***" in redacted
    assert not any(secret in redacted for secret in (fakes.TOKEN, "fake-secret", fakes.KEY))


def test_a_redacted_line_is_still_json(module: Module, capsys: pytest.CaptureFixture[str]) -> None:
    odd = 'key"with\\both'
    module("log").Log((odd,)).write("a.test", error="Authorization: Bearer abc", other=f"is {odd}")
    line = json.loads(capsys.readouterr().out)
    assert (line["error"], line["other"]) == ("Authorization: Bearer ***", "is ***")


def test_the_bot_imports_nothing_but_the_standard_library_and_itself() -> None:
    names = set()
    for file in (FOLDER / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
    assert "http" in names
    assert names - sys.stdlib_module_names == {"telegram_bot"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROUTER_BASE_URL", "router.example.org/v1"),
        ("ROUTER_BASE_URL", "https:///v1"),
        ("ROUTER_BASE_URL", "https://router.example.org:port/v1"),
        ("ROUTER_BASE_URL", "https://[::1/v1"),
        ("TELEGRAM_API_BASE", "ftp://example.org"),
        ("MAX_TOKENS", "many"),
        ("MESSAGES_PER_HOUR", "-1"),
        ("SYSTEM_PROMPT_B64", "not base64!"),
        ("SYSTEM_PROMPT_B64", "/w=="),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    module: Module, name: str, value: str
) -> None:
    sound = {"TELEGRAM_BOT_TOKEN": "t", "CLOUDFREEDOM_API_KEY": "k", "ROUTER_BASE_URL": "http://r/v1"}
    assert module("settings").read(sound).router_url == "http://r/v1"
    with pytest.raises(ValueError, match=f"^missing or unreadable: {name}$"):
        module("settings").read({**sound, name: value})


def test_settings_never_show_their_secrets(module: Module) -> None:
    read = module("settings").read
    shown = repr(
        read(
            {
                "TELEGRAM_BOT_TOKEN": fakes.TOKEN,
                "CLOUDFREEDOM_API_KEY": fakes.KEY,
                "ROUTER_BASE_URL": "https://router.example.org/v1/",
            }
        )
    )
    assert fakes.TOKEN not in shown
    assert fakes.KEY not in shown
    assert "'https://router.example.org/v1'" in shown


def test_the_watchdog_notices_a_loop_that_hangs(module: Module, tmp_path: Path) -> None:
    parts, clock = module("heartbeat"), Clock()
    heartbeat = parts.Heartbeat(tmp_path / "heartbeat", clock)
    assert not heartbeat.is_stuck()
    clock.now += parts.STUCK_SECONDS + 1
    assert heartbeat.is_stuck()


def test_a_heartbeat_that_cannot_be_written_stops_nothing(module: Module, tmp_path: Path) -> None:
    module("heartbeat").Heartbeat(tmp_path / "missing" / "heartbeat", Clock()).beat("polling")


def test_limits_are_those_of_the_design(module: Module) -> None:
    wanted: dict[str, dict[str, float]] = {
        "memory": {"TURNS": 20, "CHARACTERS": 12_000, "SECONDS": 24 * 3600, "CHATS": 200},
        "quota": {"BURST": 5, "HOUR": 3600},
        "lanes": {"WORKERS": 4},
        "conversation": {"LONGEST_QUESTION": 8000, "OLDEST_SECONDS": 3600},
        "units": {"LONGEST": 4096},
        "draft": {"EDIT_SECONDS": 1.5},
        "poll": {"FIRST_CONFLICT_PAUSE": 5, "LONGEST_PAUSE": 60},
        "bot_api": {"POLL_SECONDS": 50},
        "heartbeat": {"HEALTHY_SECONDS": 120, "STUCK_SECONDS": 300},
    }
    found = {name: {key: getattr(module(name), key) for key in keys} for name, keys in wanted.items()}
    assert found == wanted
    assert module("settings").Settings.per_hour == 20
