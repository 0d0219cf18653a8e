"""What a tenant reads of his stacks: sentences, and a row for every change of what is shown."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import handlers
from handlers import history, recorder, status, steps
from tests.handlers.world import World

JARGON = re.compile(
    r"compose|uuid|coolify|hash|lease|ledger|intent|batch|sweep|container|service|marker|stack_|\b\d+:\d\d|@",
    re.IGNORECASE,
)


def _sentences() -> list[str]:
    kinds = (*history.SENTENCES.values(), *history.STATES.values(), history.REFUSED, history.HELD)
    return [text for pair in kinds for text in pair]


def test_every_sentence_is_for_people_in_both_languages() -> None:
    for text in _sentences():
        assert 0 < len(text) <= history.LONGEST
        assert not JARGON.search(text), text
    assert all(english != german for english, german in history.SENTENCES.values())


def _verbs() -> set[tuple[str, str]]:
    """Every (verb, outcome) that stands in the source as text."""
    found = set()
    for path in Path(handlers.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(
                getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", "")
            )
            if isinstance(node, ast.Call) and name == "Entry":
                verb, outcome = node.args[:2]
                if isinstance(verb, ast.Constant) and isinstance(outcome, ast.Constant):
                    found.add((str(verb.value), str(outcome.value)))
    return found


def test_every_verb_is_told_or_known_as_bookkeeping() -> None:
    verbs = _verbs()
    assert ("stack.suspend", "done") in verbs
    untold = {pair for pair in verbs if pair not in history.SENTENCES}
    assert {verb for verb, _ in untold} <= history.BOOKKEEPING


@pytest.mark.parametrize(
    ("language", "want"), [("en", "Stopped by the operator: "), ("de", "Vom Betreiber angehalten: ")]
)
def test_the_reason_of_staff_is_in_the_sentence_and_cut_with_it(language: str, want: str) -> None:
    entry = steps.Entry("stack.suspend", "done", held="invoice {open}\n" + "x" * 500)
    text = history.sentence(entry, "", language)
    assert text.startswith(f"{want}invoice {{open}} xxx")
    assert len(text) == history.LONGEST
    assert history.side(entry) == "staff"


async def _told(world: World, stack: str) -> list[dict[str, Any]]:
    rows = await world.rows(recorder.OPERATIONS, f"stack_id='{stack}'")
    return sorted(rows, key=lambda row: row["created"])


async def _states(world: World, stack: str) -> list[str]:
    return [row["state"] for row in await _told(world, stack) if row["verb"] == history.STATE]


async def test_the_history_of_a_life_is_complete_and_each_state_stands_in_it_once(world: World) -> None:
    stack = await world.running()
    assert await _states(world, stack) == ["deploying", "running"]
    await world.edit(stack, hold="invoice")
    await world.settle()
    await world.edit(stack, hold="")
    await world.settle()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    states = await _states(world, stack)
    assert states == ["deploying", "running", "suspended", "deploying", "running", "deleting", "deleted"]
    rows = await _told(world, stack)
    assert {row["tenant_id"] for row in rows} == {world.tenant_id}
    assert [row["side"] for row in rows if row["text"] == "Stopped by the operator: invoice"] == ["staff"]
    texts = [row["text"] for row in rows if row["text"]]
    assert texts[0] == "Being set up."
    assert texts[-1] == "Deleted."


async def test_what_happens_by_itself_is_in_the_history_too(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    world.coolify.hand.stop(service.uuid)
    await world.live(1200)
    shown = await world.row(stack)
    states = await _states(world, stack)
    assert len(states) > 2
    assert states[-1] == history.word(shown)


async def test_a_look_that_finds_nothing_new_writes_no_row(world: World) -> None:
    stack = await world.running()
    before = await _told(world, stack)
    await world.sweep()
    await world.settle()
    await world.live(300)
    await world.restart()
    await world.sweep()
    await world.settle()
    assert await _told(world, stack) == before


async def test_row_and_record_agree_after_a_refusal(world: World) -> None:
    stack = await world.stack(config={"env_vars": {}})
    await world.settle()
    row = await world.row(stack)
    assert row["status"] == status.Status.ERROR
    (told,) = [one for one in await _told(world, stack) if one["verb"] == history.STATE]
    assert (told["state"], told["detail"]["status"], told["tenant_id"]) == ("error", "error", world.tenant_id)
