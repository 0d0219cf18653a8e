"""Turns while Coolify's limit is nearly spent."""

from __future__ import annotations

from listener import contract
from listener.engine.queue import Queue
from tests.engine.test_queue import HandClock, drained
from tests.engine.toy import key


def test_while_calls_are_scarce_higher_ranks_come_first_and_nobody_starves() -> None:
    scarce = [False]
    queue = Queue(
        clock=HandClock(),
        group_of=lambda k: k.id.split("-", maxsplit=1)[0],
        waits=contract.Waits(),
        random=lambda: 0.5,
        rank_of=lambda group: {"low": 10, "mid": 20, "top": 40}[group],
        is_scarce=lambda: scarce[0],
    )
    names = [f"{group}-{number}" for number in range(4) for group in ("low", "mid", "top")]

    def order() -> list[str]:
        for name in names:
            queue.add(key(name))
        return [name.partition("-")[0] for name in drained(queue)]

    assert order() == ["low", "mid", "top"] * 4
    scarce[0] = True
    found = order()
    assert found[:3] == ["top"] * 3
    assert "low" in found[:8], "every fourth goes by turns"
    assert sorted(found) == sorted(name.partition("-")[0] for name in names)
