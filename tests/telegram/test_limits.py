"""How much people, and the model, may ask of the bot and the Router."""

from __future__ import annotations

import time

from . import fakes
from .conftest import Run
from .container import OWNED, RECORD


def test_four_answers_are_under_way_at_once_and_the_others_follow(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.gate.clear()
    run({**RECORD, "ALLOW_ALL": "true"})
    for user in range(1, 8):
        telegram.say("Hi", user=user)
    telegram.wait_for(lambda: len(router.requests) == 4)
    time.sleep(0.5)
    assert len(router.requests) == 4
    router.gate.set()
    telegram.wait_for(lambda: all(telegram.shown(user) == ["Hello there"] for user in range(1, 8)))


def test_a_burst_ends_after_five_questions_and_another_person_is_free(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run({**OWNED, "ALLOWED_USER_IDS": f"{fakes.OWNER}, 4712"})
    for _ in range(6):
        telegram.say("Again")
    telegram.say("Hi", user=4712)
    telegram.wait_for(lambda: len(telegram.shown()) == 6 and telegram.shown(4712) == ["Hello there"])
    assert telegram.shown() == ["Hello there"] * 5 + ["That was a lot. Please wait 1 min."]
    assert len(router.requests) == 6


def test_twenty_questions_fit_into_an_hour(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run(quota={"BURST_SECONDS": 0.0})
    for _ in range(21):
        telegram.say("Again")
    telegram.wait_for(lambda: len(telegram.shown()) == 21)
    assert telegram.shown()[20] == "That was a lot. Please wait 60 min."
    assert len(router.requests) == 20


def test_a_question_has_up_to_8000_characters(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run()
    telegram.say("x" * 8001)
    telegram.say("y" * 8000)
    telegram.wait_for(lambda: len(telegram.shown()) == 2)
    assert telegram.shown() == ["That is too long: 8000 characters at most.", "Hello there"]
    assert [request["messages"][-1]["content"][0] for request in router.requests] == ["y"]


def test_the_longest_answer_is_said_to_the_model(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run({**OWNED, "MAX_TOKENS": "77"})
    telegram.say("Hi")
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    assert router.requests[0]["max_tokens"] == 77
    assert router.requests[0]["stream"] is True


def test_memory_sends_no_more_than_twenty_turns(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    run({**OWNED, "MESSAGES_PER_HOUR": "100"}, quota={"BURST_SECONDS": 0.0})
    for number in range(23):
        telegram.say(f"question {number}")
    telegram.wait_for(lambda: len(telegram.shown()) == 23)
    spoken = [m["content"] for m in router.requests[22]["messages"] if m["role"] == "user"]
    assert spoken == [f"question {number}" for number in range(2, 23)]


def test_memory_is_each_chats_own(run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter) -> None:
    run({**RECORD, "ALLOW_ALL": "true"})
    telegram.say("mine")
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    telegram.say("theirs", user=99)
    telegram.wait_for(lambda: telegram.shown(99) == ["Hello there"])
    assert [m["content"] for m in router.requests[1]["messages"][1:]] == ["theirs"]


def test_memory_ends_after_its_time(run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter) -> None:
    run(memory={"SECONDS": 0.5})
    telegram.say("old")
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    time.sleep(0.6)
    telegram.say("new")
    telegram.wait_for(lambda: len(telegram.shown()) == 2)
    assert [m["content"] for m in router.requests[1]["messages"][1:]] == ["new"]
