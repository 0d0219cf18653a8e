"""What the Router may say, and what the chat then shows."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from . import fakes
from .conftest import Run

CUT = "[The answer broke off here.]"
FULL = "[The answer reached its longest length.]"
NONE = "I got no answer. Please try again in a moment."
DONE = "data: [DONE]\n\n"


def delta(content: Any, **more: Any) -> str:
    """The JSON of one event of a stream."""
    return json.dumps({"choices": [{"index": 0, "delta": {"content": content}, **more}]})


def whole(content: Any, reason: str = "stop", **more: Any) -> dict[str, Any]:
    """An answer that is not streamed."""
    message = {"role": "assistant", "content": content, **more}
    return {"choices": [{"index": 0, "message": message, "finish_reason": reason}]}


CALL = [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(f": hi\n\ndata: {delta('yes')}\n\n: ping\n\n{DONE}", "yes", id="comments"),
        pytest.param(f"data:{delta('yes')}\n\ndata:[DONE]\n\n", "yes", id="no blank after data"),
        pytest.param(f"data: {delta('y')}\r\n\r\ndata: {delta('es')}\r\n\r\n{DONE}", "yes", id="CRLF"),
        pytest.param(f"event: chunk\nid: 1\nretry: 5\ndata: {delta('yes')}\n\n{DONE}", "yes", id="fields"),
        pytest.param(f"data: {delta('yes', finish_reason='stop')}", "yes", id="no DONE, no newline"),
        pytest.param(f'data: {{"error": null, {delta("yes")[1:]}\n\n{DONE}', "yes", id="error null"),
        pytest.param(f"data: {delta(None)}\n\ndata: 7\n\ndata: {delta('yes')}\n\n{DONE}", "yes", id="odd"),
        pytest.param(f"data: {delta('so')}\n\n", f"so\n\n{CUT}", id="connection lost"),
        pytest.param(f'data: {delta("so")}\n\ndata: {{"err', f"so\n\n{CUT}", id="half an event"),
        pytest.param(
            f'data: {delta("so")}\n\nevent: error\ndata: {{"error": {{"message": "{fakes.KEY}"}}}}\n\n',
            f"so\n\n{CUT}",
            id="error on the way",
        ),
        pytest.param('data: {"error": {"code": 500}}\n\n', NONE, id="error at once"),
        pytest.param(DONE, NONE, id="nothing"),
        pytest.param(f"data: {delta('  ')}\n\n{DONE}", NONE, id="blanks"),
        pytest.param(
            f"data: {delta(None, finish_reason='tool_calls')}\n\n{DONE}", NONE, id="a tool instead of text"
        ),
        pytest.param(
            f"data: {delta('much', finish_reason='length')}\n\n{DONE}", f"much\n\n{FULL}", id="length"
        ),
        pytest.param(
            f"data: {delta('so', finish_reason='content_filter')}\n\n{DONE}", f"so\n\n{CUT}", id="filter"
        ),
        pytest.param(
            f"data: {delta(chr(0xD83D))}\n\ndata: {delta(chr(0xDE00))}\n\n{DONE}",
            "😀",
            id="a cut inside a character",
        ),
    ],
)
def test_a_stream_is_understood_in_every_form(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter, raw: str, shown: str
) -> None:
    router.raw = raw
    run(draft={"EDIT_SECONDS": 0.05})
    telegram.say("Well?")
    telegram.wait_for(lambda: telegram.shown() == [shown])
    assert len(router.requests) == 1


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        pytest.param(whole("yes"), "yes", id="text"),
        pytest.param(whole("much", "length"), f"much\n\n{FULL}", id="length"),
        pytest.param(whole("", "stop"), NONE, id="empty"),
        pytest.param(whole(None, "tool_calls", tool_calls=CALL), NONE, id="tool call"),
        pytest.param({"choices": []}, NONE, id="no choice"),
        pytest.param({"error": {"message": f"secret {fakes.KEY}"}}, NONE, id="error with 200"),
        pytest.param("<html>welcome</html>", NONE, id="a page"),
        pytest.param("[" * 100_000, NONE, id="a deep body"),
        pytest.param("[]", NONE, id="a list"),
    ],
)
def test_an_answer_that_is_not_streamed_is_understood_in_every_form(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter, answer: Any, shown: str
) -> None:
    router.json = answer
    run()
    telegram.say("Well?")
    telegram.wait_for(lambda: telegram.shown() == [shown])


def test_a_stream_that_never_ends_is_cut_off(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces, router.pause = ["la "] * 100, 0.2
    bot = run(router={"ANSWER_SECONDS": 1.0})
    telegram.say("Sing")
    telegram.wait_for(lambda: CUT in "".join(telegram.shown()))
    assert [line["error"] for line in bot.logged("router.failed")] == ["the body does not end"]


def test_a_router_that_hangs_is_given_up(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.gate.clear()
    bot = run(router={"READ_SECONDS": 0.5})
    telegram.say("Well?")
    telegram.wait_for(lambda: telegram.shown() == [NONE])
    assert [line["error"] for line in bot.logged("router.failed")] == ["TimeoutError"]


def test_an_endless_answer_ends_at_its_longest_length(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces = ["word " * 1000] * 12
    run()
    telegram.say("Much")
    telegram.wait_for(lambda: FULL in "".join(telegram.shown()))
    assert len(" ".join(telegram.shown()).split("[")[0].split()) == 8000


def test_a_model_that_was_withdrawn_is_looked_up_again(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.status = 404
    run()
    telegram.say("one")
    telegram.wait_for(lambda: telegram.shown() == [NONE])
    router.status, router.models = 200, ["newer"]
    telegram.say("two")
    telegram.wait_for(lambda: telegram.shown()[1:] == ["Hello there"])
    assert [request["model"] for request in router.requests] == ["fake-model", "newer"]


@pytest.mark.long
def test_edits_keep_their_distance_and_each_changes_something(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces, router.pause = ["a", " ", "", "b", "c", "d", "e"], 0.4
    run()
    telegram.say("Letters")
    telegram.wait_for(lambda: telegram.shown() == ["a bcde"])
    times = [*telegram.times["sendMessage"], *telegram.times["editMessageText"]]
    assert all(later - earlier > 1.45 for earlier, later in itertools.pairwise(times))
    texts = ["a", *(body["text"] for body in telegram.of("editMessageText"))]
    assert len(texts) == len(set(texts)) >= 3


def test_an_answer_whose_draft_was_deleted_is_sent_anew(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces, router.pause = ["one ", "two"], 0.5
    run()
    telegram.say("Count")
    telegram.wait_for(lambda: telegram.shown() == ["one "])
    telegram.delete()
    telegram.wait_for(lambda: telegram.shown() == ["one two"])


def test_parts_are_cut_at_4096_utf16_units_and_never_inside_a_character(
    run: Run, telegram: fakes.FakeTelegram, router: fakes.FakeRouter
) -> None:
    router.pieces = ["x", "😀" * 3000]
    run(draft={"EDIT_SECONDS": 0.05})
    telegram.say("Smile")
    telegram.wait_for(lambda: telegram.shown() == ["x" + "😀" * 2047, "😀" * 953])
