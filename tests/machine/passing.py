"""Time, restarts, and which of two listeners leads."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.machine.cast import WHO, Cast, event

DAY = 86_400.0


class Passing(Cast):
    """What comes to pass by itself."""

    @event(seconds=st.sampled_from([0.0, 2.0, 20.0, 40.0]))
    def settle(self, seconds: float) -> None:
        self.do(self.stage.settle(seconds))

    @event(seconds=st.sampled_from([95.0, 200.0, 200.0, 700.0]))
    def live_on(self, seconds: float) -> None:
        self.do(self.stage.span(seconds))

    @event(hours=st.sampled_from([1.05, 1.05, 3.0, 25.0]))
    def live_for_hours(self, hours: float) -> None:
        self.do(self.stage.span(hours * 3600.0))

    @event(days=st.sampled_from([1.0, 29.0, 31.0]), hours=st.booleans())
    def live_for_days(self, days: float, hours: bool) -> None:
        """Days in which nothing else happens, and perhaps the hours in which a purge is due."""
        self.do(self.stage.span(days * DAY))
        if hours:
            self.do(self.stage.span(2.2 * 3600.0))

    @event(seconds=st.sampled_from([1.0, 60.0, 700.0]))
    def sleep(self, seconds: float) -> None:
        """Nobody looks meanwhile."""
        self.stage.pass_time(seconds)

    @event()
    def poll(self) -> None:
        self.do(self.stage.poll())

    @event()
    def sweep(self) -> None:
        self.do(self.stage.sweep())

    @event()
    def restart(self) -> None:
        """The process ends, and another begins with nothing but the ledger."""
        self.do(self.stage.restart())
        self.stage.deeds += 1

    @event(at=st.integers(0, 8), after=st.booleans(), kind=st.sampled_from(["crash", "crash", "cancel"]))
    def cut(self, at: int, after: bool, kind: Any) -> None:
        """The effect with that number is the process's, or the run's, last one."""
        self.stage.scissors.set(at, after=after, kind=kind)
        self.do(self.stage.settle(20.0))

    @event()
    def hand_over(self) -> None:
        self.do(self.stage.hand_over())
        self.stage.deeds += 1

    @event(at=st.integers(0, 12), seconds=st.sampled_from([30.0, 200.0, 1000.0]))
    def freeze(self, at: int, seconds: float) -> None:
        """The leader stands still in the midst of a request; the other leads before it thaws."""
        self.stage.freeze(at, seconds)
        self.do(self.stage.settle(20.0))

    @event(who=WHO)
    def hear_again(self, who: int) -> None:
        """An event that is late, or comes twice."""
        if stack := self.pick(who, self.stacks):
            self.stage.touch("agent_stacks", stack)
            self.do(self.stage.settle(0.0))

    @event(who=WHO)
    def hear_nothing(self, who: int) -> None:
        """What is due is lost: only a sweep or a poll finds out."""
        due = self.stage.parts.turns.due
        if due:
            due.pop(sorted(due)[who % len(due)])
