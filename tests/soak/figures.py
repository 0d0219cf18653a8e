"""`Figures`: what a soak came to, and how it is printed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Figures:
    """Everything that is counted; `violations` and the last three must be empty or 0."""

    seed: int
    seconds: float = 0.0
    """Of storm, before the calm."""
    deeds: Counter[str] = field(default_factory=Counter)
    unheard: Counter[str] = field(default_factory=Counter)
    """Deeds that a side that was down refused."""
    ended: Counter[str] = field(default_factory=Counter)
    """Kills and restarts."""
    starts: int = 0
    """Starts of daemons."""
    refused: list[int] = field(default_factory=list)
    """Exit codes of starts that a side refused."""
    terms: int = 0
    """How often the lease was taken."""
    requests: int = 0
    creates: int = 0
    """Services made by the listener."""
    stacks: int = 0
    checks: int = 0
    """Laws that were looked at."""
    unseen: int = 0
    """Seconds in which a side was down, so that nothing could be looked at."""
    calm: float = 0.0
    """From the end of all faults until all was as wanted."""
    rss: int = 0
    violations: dict[str, str] = field(default_factory=dict)
    """What broke a law -> when, in seconds."""
    lost: int = 0
    """Records that want a service and have none."""
    twice: int = 0
    orphans: int = 0
    """Services of ours that the ledger does not know."""

    @property
    def is_whole(self) -> bool:
        """Nothing was broken, lost, made twice or orphaned."""
        return not (self.violations or self.lost or self.twice or self.orphans)

    def told(self) -> str:
        """As people read it."""
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s of storm, {self.stacks} stacks, {self.creates} services",
            f"deeds {self.deeds.total()}: {_each(self.deeds)}",
            f"given up because a side was down {self.unheard.total()}: {_each(self.unheard)}",
            f"kills and restarts {self.ended.total()}: {_each(self.ended)}",
            f"daemons started {self.starts}, starts refused {self.refused}, leases taken {self.terms}",
            f"requests to Coolify {self.requests}",
            f"checks {self.checks}; seconds in which a side was down {self.unseen}",
            f"as wanted {self.calm:.1f} s after the last fault; most memory {self.rss / 2**20:.0f} MB",
            f"lost {self.lost}, made twice {self.twice}, orphaned {self.orphans}",
            f"violations {len(self.violations)}",
            *(f"  at {when}: {what}" for what, when in self.violations.items()),
        ]
        return "\n".join(lines)


def _each(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.most_common()) or "none"
