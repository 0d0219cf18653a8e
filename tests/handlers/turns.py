"""What the engine does with keys, without its tasks: whose turn it is, and what a turn's end means."""

from __future__ import annotations

from dataclasses import dataclass, field

from listener import contract, errors


@dataclass(frozen=True)
class Turn:
    """One key's turn: its plan, and the outcome or the error that ended it."""

    key: contract.Key
    plan: contract.Plan | None = None
    outcome: contract.Outcome | None = None
    error: errors.ListenerError | None = None


@dataclass
class Turns:
    """Which key is due when, in seconds of the listener's clock."""

    waits: contract.Waits
    due: dict[contract.Key, float] = field(default_factory=dict)
    failures: dict[contract.Key, int] = field(default_factory=dict)
    resting: dict[contract.Key, float] = field(default_factory=dict)
    """Until when a key that failed is not tried again for the same reasons."""
    tried: dict[contract.Key, str] = field(default_factory=dict)
    """Basis of the last plan that was applied."""

    def add(self, key: contract.Key, moment: float) -> None:
        """The key is due then at the latest."""
        self.due[key] = min(moment, self.due.get(key, moment))

    def take(self, until: float) -> tuple[float, contract.Key] | None:
        """The next key that is due by then, taken out; keys due together in the order of their names."""
        if not self.due:
            return None
        moment, key = min((moment, key) for key, moment in self.due.items())
        if moment > until:
            return None
        del self.due[key]
        return moment, key

    def is_early(self, plan: contract.Plan, now: float) -> bool:
        """The key failed on this basis and rests; it is due when that is over. Else the try counts."""
        until = self.resting.get(plan.key, now)
        if until > now + 1e-6 and plan.basis and plan.basis == self.tried.get(plan.key):
            self.add(plan.key, until)
            return True
        self.tried[plan.key] = plan.basis
        return False

    def ended(self, turn: Turn, now: float) -> None:
        """The queue knows what comes next for the key, as a worker tells it."""
        key = turn.key
        match turn.error:
            case None:
                self._forget(key)
                self.tried.pop(key, None)
                self._outcome(turn, now)
            case errors.Global():
                self.add(key, now + self.waits.breaker_probe)
            case errors.Throttled():
                self.add(key, now + turn.error.after)
            case errors.Terminal():
                self._forget(key)
                self.resting[key] = now + self.waits.resync
            case _:
                count = self.failures.get(key, 0)
                self.failures[key] = count + 1
                backoff = min(self.waits.backoff_last, self.waits.backoff_first * 2.0**count)
                self.resting[key] = now + backoff / 2
                self.add(key, now + backoff / 2)

    def _forget(self, key: contract.Key) -> None:
        self.failures.pop(key, None)
        self.resting.pop(key, None)

    def _outcome(self, turn: Turn, now: float) -> None:
        assert turn.plan is not None
        assert turn.outcome is not None
        if isinstance(turn.outcome, contract.Again):
            self.add(turn.key, now + turn.outcome.after)
        for woken in turn.outcome.wakes:
            self.add(woken, now)
