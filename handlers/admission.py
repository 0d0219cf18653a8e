"""What a tariff allows: stacks, memory, cores, domains, over all stacks of a tenant. Pure.

What exists counts first, then who was created first. What runs is never refused for its existence, whatever a
tier says later: only what it asks for beyond what it holds is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from handlers.amounts import NOTHING, Demand, size
from handlers.refusals import refusal
from listener import errors


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tenant may have in all; 0 = not set."""

    tier: str
    stacks: int = 0
    memory_mb: int = 0
    cpus: float = 0.0
    domains: int = 0
    templates: Mapping[str, int] = field(default_factory=dict)
    """By template: how many of it."""

    @property
    def is_open(self) -> bool:
        """It refuses nothing."""
        return not (self.stacks or self.memory_mb or self.cpus or self.domains or self.templates)


@dataclass(frozen=True, slots=True)
class Line:
    """One stack of a tenant, as its quota sees it."""

    id: str
    order: tuple[str, str]
    """Time of creation and id: who comes first within a tenant."""
    template: str
    need: Demand | None
    """What it asks for; None when that cannot be said, and it is refused for another reason."""
    held: Demand
    exists: bool
    """It has a service, or one is being made: it is never refused for its mere existence."""
    asks: bool
    """It is to run, and is judged."""
    has_own_host: bool = False


@dataclass(slots=True)
class _Sum:
    """What a tenant has so far."""

    stacks: int = 0
    demand: Demand = NOTHING
    domains: int = 0
    templates: dict[str, int] = field(default_factory=dict)

    def add(self, line: Line, demand: Demand) -> None:
        self.stacks += 1
        self.demand += demand
        self.domains += line.has_own_host
        self.templates[line.template] = self.templates.get(line.template, 0) + 1


def judge(quota: Quota, lines: Iterable[Line]) -> dict[str, errors.Refusal]:
    """By id, why a stack that asks gets no more: what exists counts first, then who was created first.

    A refused one takes no room from those after it; one that rests counts like one that runs.
    """
    if quota.is_open:
        return {}
    lines = sorted(lines, key=lambda line: (not line.exists, line.order))
    has, found = _Sum(), {}
    for line in lines:
        if line.exists:
            has.add(line, line.held)
    for line in lines:
        need = line.need or NOTHING
        if line.exists:
            more = need.beyond(line.held)
            error = _too_much(quota, has, more) if line.asks else None
            if error is None and line.asks:
                has.demand += more
        else:
            error = _one_more(quota, has, line, need) if line.asks else None
            if error is None:
                has.add(line, need)
        if error is not None:
            found[line.id] = error
    return found


def _one_more(quota: Quota, has: _Sum, line: Line, need: Demand) -> errors.Refusal | None:
    counts = (
        ("QUOTA_STACKS", quota.stacks, has.stacks),
        ("QUOTA_TEMPLATE", quota.templates.get(line.template, 0), has.templates.get(line.template, 0)),
        ("QUOTA_DOMAINS", quota.domains if line.has_own_host else 0, has.domains),
    )
    for code, most, count in counts:
        if most and count >= most:
            return refusal(
                code,
                what=f"the tariff {quota.tier} has no room for another one",
                why=f"{count} exist, {most} are allowed",
                fix="delete one, raise max_stacks or the tier's figures, or choose another tier",
                tier=quota.tier,
                most=str(most),
                count=str(count),
                template=line.template,
            )
    return _too_much(quota, has, need)


def _too_much(quota: Quota, has: _Sum, need: Demand) -> errors.Refusal | None:
    pools = (
        ("QUOTA_MEMORY", quota.memory_mb, has.demand.memory_mb, need.memory_mb, size),
        ("QUOTA_CPUS", quota.cpus, has.demand.cpus, need.cpus, "{:g}".format),
    )
    for code, most, used, more, text in pools:
        if most and more and used + more > most:
            left = max(0, most - used)
            return refusal(
                code,
                what=f"the tariff {quota.tier} has no room for so much",
                why=f"{text(more)} asked for, {text(left)} of {text(most)} left",
                fix="delete a stack, lower resource_limits, raise the tier's pool, or choose another tier",
                need=text(more),
                left=text(left),
                most=text(most),
            )
    return None
