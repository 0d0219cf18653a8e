"""The bot answers whom it should, and nobody else."""

from __future__ import annotations

import signal

import pytest

from . import fakes
from .conftest import Run
from .container import OWNED, RECORD


def test_the_portals_own_record_makes_a_bot_that_answers_ping(run: Run, telegram: fakes.FakeTelegram) -> None:
    run(RECORD)
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])


def test_text_goes_to_the_router_with_the_tenants_key_and_the_answer_comes_back(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    prompt = "You're a \"bot\" {{team.SECRET}} $HOME #1\nand {\\'so on'}"
    run({**OWNED, "SYSTEM_PROMPT": prompt})
    telegram.say("How are you?")
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    assert router.requests[0]["model"] == "fake-model"
    assert router.requests[0]["messages"] == [
        {"role": "system", "content": prompt},
        {"role": "user", "content": "How are you?"},
    ]
    assert set(router.keys) == {f"Bearer {fakes.KEY}"}
    assert telegram.of("sendChatAction") == [{"chat_id": fakes.OWNER, "action": "typing"}]


def test_a_router_that_does_not_stream_is_understood(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.json = {"choices": [{"message": {"role": "assistant", "content": "Hello there"}}]}
    run({**OWNED, "MODEL": "other"})
    telegram.say("Hi")
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    assert router.requests[0]["model"] == "other"


def test_a_slow_answer_grows_by_edits_no_faster_than_telegram_likes(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces, router.pause = [f"{n} " for n in range(10)], 0.3
    run()
    telegram.say("Count")
    telegram.wait_for(lambda: telegram.shown() == ["0 1 2 3 4 5 6 7 8 9 "])
    assert telegram.of("sendMessage")[0]["text"] == "0 "
    assert 2 <= len(telegram.of("editMessageText")) <= 4


def test_a_stranger_is_told_their_id_once_and_never_reaches_the_router(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run()
    for _ in range(3):
        telegram.say("Let me in", user=99)
    telegram.say("/ping", user=99)
    telegram.wait_for(lambda: "pong" in telegram.shown(99))
    assert len(telegram.shown(99)) == 2
    assert "99" in telegram.shown(99)[0]
    assert router.requests == []


@pytest.mark.parametrize("allow_all", ["", "false", "no"])
def test_nobody_may_ask_until_the_owner_was_added(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter, allow_all: str
) -> None:
    bot = run({**RECORD, "ALLOW_ALL": allow_all} if allow_all else RECORD)
    telegram.say("/start")
    telegram.say("/reset")
    telegram.say("Hi")
    telegram.wait_for(lambda: telegram.updates == [])
    assert len(telegram.shown()) == 1
    assert f"Your Telegram id is {fakes.OWNER}:" in telegram.shown()[0]
    assert router.requests == []
    assert len(bot.logged("users.none")) == 1


def test_everyone_may_ask_only_when_that_is_said_outright(run: Run, telegram: fakes.FakeTelegram) -> None:
    run({**RECORD, "ALLOW_ALL": "yes"})
    telegram.say("Hi", user=99)
    telegram.wait_for(lambda: telegram.shown(99) == ["Hello there"])


def test_a_chat_is_remembered_until_it_is_reset(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run()
    for number, text in enumerate(["one", "two", "/reset", "three"], start=1):
        telegram.say(text)
        telegram.wait_for(lambda number=number: len(telegram.shown()) == number)  # type: ignore[misc]
    spoken = [[m["content"] for m in request["messages"][1:]] for request in router.requests]
    assert spoken == [["one"], ["one", "Hello there", "two"], ["three"]]


@pytest.mark.parametrize("command", ["/start", "/help@fake_bot", "/whatever"])
def test_commands_are_explained(run: Run, telegram: fakes.FakeTelegram, command: str) -> None:
    run()
    telegram.say(command)
    telegram.wait_for(lambda: "/reset" in "".join(telegram.shown()))


def test_groups_and_stale_messages_are_left_alone_and_pictures_answered(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    telegram.say("in a group", kind="group")
    telegram.say("two hours ago", age=7200)
    telegram.say(None)
    run()
    telegram.wait_for(lambda: telegram.shown() == ["I only understand text."])
    assert router.requests == []


def test_a_long_answer_arrives_whole_in_several_messages(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces = ["word " * 2000]
    run()
    telegram.say("Much")
    telegram.wait_for(lambda: len(telegram.shown()) == 3)
    assert all(len(text) <= 4096 for text in telegram.shown())
    assert " ".join(telegram.shown()).split() == ["word"] * 2000


def test_a_slow_answer_holds_up_neither_another_chat_nor_ping(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.closed_gate_for = "slow"
    router.gate.clear()
    run({**OWNED, "ALLOWED_USER_IDS": f"{fakes.OWNER}, 4712"})
    telegram.say("slow")
    telegram.wait_for(lambda: len(router.requests) == 1)
    telegram.say("quick", user=4712)
    telegram.wait_for(lambda: telegram.shown(4712) == ["Hello there"])
    assert telegram.shown() == []
    router.gate.set()
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    assert len(router.requests) == 2


def test_too_many_questions_are_put_off(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run({**OWNED, "MESSAGES_PER_HOUR": "2"})
    for _ in range(3):
        telegram.say("Again")
    telegram.wait_for(lambda: len(telegram.shown()) == 3)
    assert "wait" in telegram.shown()[2]
    assert len(router.requests) == 2


def test_waiting_messages_survive_the_start_and_a_webhook_does_not(
    run: Run, telegram: fakes.FakeTelegram
) -> None:
    telegram.say("/ping")
    run()
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    assert [name for name, _ in telegram.calls[:3]] == ["getMe", "deleteWebhook", "getUpdates"]
    assert telegram.of("deleteWebhook") == [{"drop_pending_updates": False}]
    assert telegram.of("getUpdates")[0] == {"timeout": 50, "allowed_updates": ["message"]}


def test_a_stop_lets_the_answer_finish_and_acknowledges_it(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces, router.pause = ["one ", "two"], 0.5
    bot = run()
    telegram.say("Count")
    telegram.wait_for(lambda: len(router.requests) == 1)
    assert bot.end() == 0
    assert telegram.shown() == ["one two"]
    assert telegram.updates == []
    assert bot.log()[-1]["event"] == "bot.stopped"


def test_a_question_that_a_crash_interrupts_is_asked_again(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.closed_gate_for = "Hi"
    router.gate.clear()
    bot = run()
    telegram.say("Hi")
    telegram.wait_for(lambda: len(router.requests) == 1)
    bot.end(signal.SIGKILL)
    router.gate.set()
    bot.start()
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
