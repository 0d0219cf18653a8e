"""Whatever an update holds, the bot lives, and the next message is answered."""

from __future__ import annotations

import time
from typing import Any

from . import fakes
from .conftest import Run

PERSON = {"id": fakes.OWNER, "language_code": "en"}
CHAT = {"id": fakes.OWNER, "type": "private"}


def message(**changed: Any) -> dict[str, Any]:
    """A sound message, but for what changed; `None` leaves a field out."""
    sound = {"message_id": 1, "date": int(time.time()), "chat": CHAT, "from": PERSON, "text": "Hi"}
    return {key: value for key, value in {**sound, **changed}.items() if value is not None}


SILENT: list[dict[str, Any]] = [
    {},
    {"message": None},
    {"message": "Hi"},
    {"message": [message()]},
    {"message": message(chat=None)},
    {"message": message(chat=7)},
    {"message": message(chat={"type": "private"})},
    {"message": message(chat={"id": "4711", "type": "private"})},
    {"message": message(chat={"id": 1e999, "type": "private"})},
    {"message": message(date=None)},
    {"message": message(date=1e999)},
    {"message": message(date=True)},
    {"message": message(**{"from": None})},
    {"message": message(**{"from": {"id": True}})},
    {"edited_message": message()},
    {"channel_post": message()},
    {"callback_query": {"from": PERSON, "data": "x"}},
    {"message": message(chat={"id": -5, "type": "group"})},
    {"message": message(chat={"id": -5, "type": "supergroup"}, text="/ping")},
    {"message": message(chat={"id": fakes.OWNER})},
]
NO_TEXT: list[dict[str, Any]] = [
    {"text": None, "voice": {"file_id": "x"}},
    {"text": ""},
    {"text": " \n\t"},
    {"text": 7},
    {"text": ["/ping"]},
]
BROKEN: list[Any] = ["x", 7, None, {}, {"update_id": "9"}, {"update_id": 1e999}, {"update_id": None}]


def test_what_is_no_private_message_is_passed_over(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    for content in SILENT:
        telegram.post(**content)
    bot = run()
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    telegram.wait_for(lambda: telegram.of("getUpdates")[-1].get("offset", 0) > len(SILENT))
    assert router.requests == []
    assert len(telegram.of("sendMessage")) == 1
    assert not bot.logged("poll.failed") + bot.logged("message.failed")


def test_what_has_no_text_is_answered_so(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    for content in NO_TEXT:
        telegram.post(message=message(**content))
    run()
    telegram.wait_for(lambda: telegram.shown() == ["I only understand text."] * len(NO_TEXT))
    assert router.requests == []


def test_updates_that_cannot_be_acknowledged_neither_block_nor_make_the_bot_spin(
    run: Run, telegram: fakes.FakeTelegram
) -> None:
    telegram.updates += BROKEN
    bot = run()
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    before, begun = len(telegram.of("getUpdates")), time.monotonic()
    time.sleep(1)
    assert (len(telegram.of("getUpdates")) - before) / (time.monotonic() - begun) < 12
    assert bot.health() == 0


def test_half_a_character_from_a_person_does_no_harm(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    telegram.say("half \ud83d")
    run()
    telegram.wait_for(lambda: telegram.shown() == ["Hello there"])
    assert router.requests[0]["messages"][-1]["content"] == "half \ufffd"


def test_more_messages_than_one_look_holds_are_all_answered(run: Run, telegram: fakes.FakeTelegram) -> None:
    for user in range(1, 131):
        telegram.say("/ping", user=user)
    run()
    telegram.wait_for(lambda: len(telegram.of("sendMessage")) == 130)
    telegram.wait_for(lambda: telegram.updates == [])


def test_a_stranger_gets_only_so_many_pongs(run: Run, telegram: fakes.FakeTelegram) -> None:
    run(quota={"BURST_SECONDS": 0.0})
    for _ in range(30):
        telegram.say("/ping", user=99)
    telegram.say("/ping")
    telegram.wait_for(lambda: telegram.shown() == ["pong"])
    telegram.wait_for(lambda: telegram.updates == [])
    assert len(telegram.shown(99)) == 20
