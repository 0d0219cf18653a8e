"""Start, health, trouble and end of the process."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from http.server import BaseHTTPRequestHandler

import pytest

from . import fakes
from .conftest import Module, Run
from .container import OWNED
from .fakes import refusal


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A response that begins and never gets anywhere, a byte at a time."""
    with contextlib.suppress(OSError):
        for _ in range(400):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.05)


def hang(_: BaseHTTPRequestHandler) -> None:
    """No response for a while."""
    time.sleep(2)


@pytest.mark.long
def test_a_loop_that_is_stuck_says_so_and_ends_the_process(run: Run, telegram: fakes.FakeTelegram) -> None:
    telegram.failures["getUpdates"] = [drip]
    bot = run(heartbeat={"STUCK_SECONDS": 1.5})
    assert bot.process is not None
    assert bot.process.wait(timeout=15) == 1
    assert bot.log()[-1]["event"] == "poll.stuck"
    assert bot.heartbeat()["state"] == "stuck"
    assert bot.health() == 1
    bot.start()
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])


def test_a_heartbeat_that_grew_old_fails_the_health_check(run: Run, telegram: fakes.FakeTelegram) -> None:
    bot = run(heartbeat={"HEALTHY_SECONDS": 0.5})
    telegram.wait_for(lambda: len(telegram.of("getUpdates")) == 1)
    time.sleep(0.6)
    assert bot.is_up()
    assert bot.health() == 1


@pytest.mark.parametrize("method", ["getMe", "getUpdates"])
def test_a_telegram_that_hangs_is_asked_again(run: Run, telegram: fakes.FakeTelegram, method: str) -> None:
    telegram.failures[method] = [hang]
    bot = run(bot_api={"CALL_SECONDS": 0.5, "POLL_SECONDS": 0, "POLL_GRACE": 0.5}, poll={"FIRST_PAUSE": 0.1})
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    assert [line["state"] for line in bot.logged("poll.unreachable")] == ["degraded"]
    assert bot.health() == 0


@pytest.mark.long
def test_conflicts_are_waited_out_longer_each_time_and_told_once(
    run: Run, telegram: fakes.FakeTelegram
) -> None:
    telegram.failures["getUpdates"] = [refusal(409)] * 5
    bot = run(poll={"FIRST_CONFLICT_PAUSE": 0.2})
    telegram.say("/ping")
    telegram.wait_for(lambda: bot.heartbeat().get("last_error") == "conflict")
    assert bot.health() == 0
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    times = telegram.times["getUpdates"][:6]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(pause > 0.1 * 2**number for number, pause in enumerate(pauses))
    assert len(bot.logged("poll.conflict")) == 1
    assert bot.is_up()


def test_a_webhook_that_is_set_meanwhile_goes_away_with_nothing_lost(
    run: Run, telegram: fakes.FakeTelegram
) -> None:
    telegram.webhook = True
    run(poll={"FIRST_CONFLICT_PAUSE": 0.2})
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    telegram.webhook = True
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong", "pong"])
    assert all(body == {"drop_pending_updates": False} for body in telegram.of("deleteWebhook"))


def test_a_token_that_is_good_again_heals_the_bot(run: Run, telegram: fakes.FakeTelegram) -> None:
    bot = run(poll={"LONGEST_PAUSE": 0.5})
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    telegram.valid = False
    telegram.say("/ping")
    telegram.wait_for(lambda: bot.heartbeat().get("state") == "auth_failed")
    assert bot.health() == 1
    telegram.valid = True
    telegram.wait_for(lambda: telegram.shown() == ["pong", "pong"])
    telegram.wait_for(lambda: bot.health() == 0)


@pytest.mark.long
def test_telegrams_pause_is_obeyed_between_looks_and_before_the_last_edit(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    telegram.failures["getUpdates"] = [refusal(429, retry_after=2)]
    telegram.failures["editMessageText"] = [refusal(429, retry_after=3)]
    router.pieces, router.pause = ["a", "b", "c"], 0.3
    run(draft={"EDIT_SECONDS": 0.2})
    telegram.say("Letters")
    telegram.wait_for(lambda: telegram.shown() == ["abc"])
    for method, pause in {"getUpdates": 2, "editMessageText": 3}.items():
        first, second = telegram.times[method][:2]
        assert second - first >= pause
    assert len(telegram.of("editMessageText")) == 2


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param((502, "<html>bad gateway</html>"), id="page"),
        pytest.param(refusal(500), id="refusal"),
        pytest.param((200, '{"ok": tr'), id="half a body"),
        pytest.param((200, {"ok": True, "result": True}), id="no message"),
        pytest.param((200, {"ok": False, "error_code": "x", "parameters": {"retry_after": "y"}}), id="odd"),
    ],
)
def test_an_answer_outlives_telegrams_trouble(
    run: Run, telegram: fakes.FakeTelegram, failure: fakes.Failure
) -> None:
    telegram.failures["sendMessage"] = [failure]
    bot = run(draft={"EDIT_SECONDS": 0.2})
    telegram.say("Hi")
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    telegram.wait_for(lambda: len(bot.logged("message.answered")) == 1)


def test_a_person_who_blocked_the_bot_does_not_hold_up_others(run: Run, telegram: fakes.FakeTelegram) -> None:
    telegram.failures["sendMessage"] = [refusal(403)]
    bot = run()
    telegram.say("/ping", user=99)
    telegram.wait_for(lambda: bot.logged("message.unanswered") != [])
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])


@pytest.mark.long
def test_a_stop_begins_nothing_new_and_what_waits_comes_after_the_start(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces, router.pause = ["one ", "two"], 0.5
    bot = run()
    telegram.say("first")
    telegram.say("second")
    telegram.wait_for(lambda: len(router.requests) == 1)
    assert bot.end() == 0
    assert telegram.shown() == ["one two"]
    assert len(router.requests) == 1
    bot.start()
    telegram.wait_for(lambda: telegram.shown() == ["one two", "one two"])
    asked = [request["messages"][-1]["content"] for request in router.requests]
    assert asked == ["first", "second"]


def test_a_stop_waits_only_so_long_for_an_answer(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.gate.clear()
    bot = run(app={"DRAIN_SECONDS": 1.0})
    telegram.say("Hi")
    telegram.wait_for(lambda: len(router.requests) == 1)
    begun = time.monotonic()
    assert bot.end() == 0
    assert 1.0 <= time.monotonic() - begun < 5.0
    assert bot.log()[-1]["finished"] is False
    assert len(telegram.updates) == 1


def test_drain_and_last_call_fit_into_the_grace_that_the_container_has(run: Run, module: Module) -> None:
    grace = int(run().body["stop_grace_period"].removesuffix("s"))
    assert module("app").DRAIN_SECONDS == 10
    assert grace > module("app").DRAIN_SECONDS + module("bot_api").LAST_SECONDS


def test_the_process_writes_its_code_and_its_heartbeat_and_nothing_else(
    run: Run, telegram: fakes.FakeTelegram
) -> None:
    bot = run(OWNED)
    telegram.say("Hi")
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    bot.end()
    found = {file.name for file in bot.folder.iterdir()}
    assert found - {"heartbeat.new"} == {"bot.zip", "heartbeat", "log"}, "it may end while it writes the next"
    for line in bot.log():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", line["event"])
        assert {"ts", "level"} <= set(line)


def test_the_container_is_read_only_without_rights_and_never_root(run: Run) -> None:
    body = run().body
    assert body["image"].startswith("python:3.12-slim")
    assert (body["user"], body["read_only"], body["cap_drop"]) == ("10001:10001", True, ["ALL"])
    assert body["security_opt"] == ["no-new-privileges:true"]
    assert body["tmpfs"] == ["/tmp:size=16m,mode=1777,noexec,nosuid,nodev"]
    assert "volumes" not in body
    check = body["healthcheck"]
    assert (check["interval"], check["start_period"], check["retries"]) == ("30s", "30s", 3)
