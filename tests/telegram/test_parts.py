"""The bot's small parts, at their bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import fakes

Module = Callable[[str], Any]


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
    assert memory.recall(1) == []
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
    assert inbox.offset() == 8


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("a 😀\n"), max_size=12_000))
def test_split_loses_nothing_but_blanks_and_fits(module: Module, text: str) -> None:
    draft = module("draft")
    parts = draft.split(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(len(part.encode("utf-16-le")) // 2 <= draft.LONGEST for part in parts)


def test_split_cuts_text_without_blanks_within_the_limit(module: Module) -> None:
    draft = module("draft")
    assert [len(part) for part in draft.split("x" * 5000)] == [4096, 904]
    assert [len(part) for part in draft.split("😀" * 3000)] == [2048, 952]


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
