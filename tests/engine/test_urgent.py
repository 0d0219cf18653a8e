"""What staff commands goes before everything else."""

from __future__ import annotations

from listener import contract
from listener.engine.queue import Lane, Queue

from .test_queue import HandClock, drained
from .toy import key


def test_what_is_urgent_goes_before_every_turn_and_past_its_delay() -> None:
    clock, urgent = HandClock(), set[str]()
    queue = Queue(
        clock=clock,
        group_of=lambda k: k.id.split("-", maxsplit=1)[0],
        waits=contract.Waits(),
        random=lambda: 0.5,
        is_urgent=lambda k: k.id in urgent,
    )
    for name in ("a-1", "b-1", "c-1", "d-1"):
        queue.add(key(name), Lane.SWEEP if name == "c-1" else Lane.LIVE)
    queue.add_after(key("e-1"), 900.0)
    urgent |= {"c-1", "e-1"}
    queue.add(key("c-1"), Lane.SWEEP)
    queue.add(key("e-1"))
    assert queue.depths() == {"urgent": 2, "live": 3, "sweep": 0, "delayed": 0}
    assert drained(queue)[:2] == ["c-1", "e-1"]
