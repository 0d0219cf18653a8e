"""The bot outlives what Telegram, the Router and people do to it, and says nothing it should not."""

from __future__ import annotations

import pytest

from . import fakes
from .conftest import Run
from .container import OWNED
from .fakes import refusal


@pytest.mark.long
def test_a_second_poller_is_waited_out_without_an_exit(run: Run, telegram: fakes.FakeTelegram) -> None:
    telegram.failures["getUpdates"] = [refusal(409)]
    bot = run()
    telegram.say("/ping")
    telegram.wait_for(lambda: len(telegram.of("getUpdates")) == 1)
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    assert [line["state"] for line in bot.log() if line["event"] == "poll.conflict"] == ["degraded"]


def test_a_wrong_token_keeps_the_process_and_fails_the_health_check(
    run: Run, telegram: fakes.FakeTelegram
) -> None:
    telegram.valid = False
    bot = run()
    telegram.wait_for(lambda: any(line["event"] == "poll.token_invalid" for line in bot.log()))
    assert bot.health() == 1
    assert bot.process is not None
    assert bot.process.poll() is None
    assert bot.end() == 0


def test_a_bot_that_polls_is_healthy_and_one_that_never_ran_is_not(
    run: Run, telegram: fakes.FakeTelegram
) -> None:
    bot = run()
    telegram.wait_for(lambda: len(telegram.of("getUpdates")) == 1)
    assert bot.health() == 0
    (bot.folder / "heartbeat").unlink()
    assert bot.health() == 1


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param((502, "<html>bad gateway</html>"), id="bad gateway"),
        pytest.param((200, "{"), id="half a body"),
        pytest.param((200, {"ok": True, "result": "what"}), id="no list"),
        pytest.param((200, {"ok": True, "result": [{"update_id": "x"}]}), id="odd update"),
        pytest.param(refusal(429, retry_after=1), id="throttled"),
    ],
)
def test_the_loop_outlives_what_telegram_answers(
    run: Run, telegram: fakes.FakeTelegram, failure: tuple[int, object]
) -> None:
    telegram.failures["getUpdates"] = [failure]
    run()
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])


def test_an_update_without_a_usable_message_is_passed_over(run: Run, telegram: fakes.FakeTelegram) -> None:
    telegram.updates = [{"update_id": 0, "message": {"chat": []}}, {"update_id": 0, "poll": {}}]
    run()
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])


def test_an_answer_waits_as_long_as_telegram_asks(run: Run, telegram: fakes.FakeTelegram) -> None:
    telegram.failures["sendMessage"] = [refusal(429, retry_after=1)]
    run()
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    assert len(telegram.of("sendMessage")) == 2


@pytest.mark.long
def test_an_edit_that_telegram_throttles_is_made_up_for_at_the_end(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces, router.pause = ["a", "b", "c", "d"], 0.6
    telegram.failures["editMessageText"] = [refusal(429, retry_after=1)]
    run()
    telegram.say("Letters")
    telegram.wait_for(lambda: telegram.shown() == ["abcd"])


@pytest.mark.parametrize(
    ("status", "words"), [(401, "key"), (429, "busy"), (500, "no answer"), (302, "no answer")]
)
def test_a_router_failure_is_told_in_words_of_our_own(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter, status: int, words: str
) -> None:
    router.status = status
    bot = run()
    telegram.say("Hi")
    telegram.wait_for(lambda: len(telegram.shown()) == 1)
    assert words in telegram.shown()[0]
    assert "secret detail" not in telegram.shown()[0]
    telegram.wait_for(lambda: any(line.get("status") == status for line in bot.log()))


def test_an_empty_answer_is_a_failure_and_not_remembered(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces = []
    run()
    telegram.say("first")
    telegram.wait_for(lambda: len(telegram.shown()) == 1)
    router.pieces = ["yes"]
    telegram.say("second")
    telegram.wait_for(lambda: telegram.shown()[1:] == ["yes"])
    assert [m["content"] for m in router.requests[1]["messages"][1:]] == ["second"]


def test_neither_secrets_nor_what_people_write_reach_the_log(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    telegram.failures["getUpdates"] = [(200, "{"), refusal(400, f"private bot{fakes.TOKEN}")]
    telegram.failures["sendMessage"] = [refusal(403, "private")]
    router.status = 401
    bot = run({**OWNED, "SYSTEM_PROMPT": "private prompt"})
    telegram.say("private question")
    telegram.wait_for(lambda: bot.logged("message.unanswered") != [])
    router.status, router.json = 200, {"error": {"message": f"private {fakes.KEY}"}}
    telegram.say("private question")
    telegram.wait_for(lambda: len(telegram.shown()) == 1)
    router.json = {"choices": [{"message": {"content": "private answer"}, "finish_reason": "private"}]}
    telegram.say("private question")
    telegram.wait_for(lambda: bot.logged("message.answered") != [])
    bot.end()
    assert bot.logged("message.answered")[0]["end"] == "other"
    text = (bot.folder / "log").read_text()
    for secret in (fakes.TOKEN, fakes.KEY, "private", telegram.url):
        assert secret not in text
    assert bot.log()


def test_settings_that_cannot_be_used_end_the_process_by_name(run: Run) -> None:
    bot = run()
    bot.end()
    bot.env = {}
    bot.start()
    assert bot.process is not None
    assert bot.process.wait(timeout=20) == 78
    assert "TELEGRAM_BOT_TOKEN, CLOUDFREEDOM_API_KEY, ROUTER_BASE_URL" in bot.log()[-1]["error"]
