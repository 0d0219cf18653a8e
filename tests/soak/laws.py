"""What must hold every second, as a literal registry. A law is given a `Sight` and tells who breaks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from tests.soak.place import Place
from tests.soak.sight import LAST_SERVICE, Sight, owner

MOST_MEMORY = 300 * 2**20
"""Bytes that a daemon may take."""


def _no_twins(sight: Sight) -> Iterator[str]:
    found = Counter(stack for stack, one in sight.of_ours() if not one["deleted"])
    yield from (f"{stack} has {number} services" for stack, number in found.items() if number > 1)


def _one_create_a_life(sight: Sight) -> Iterator[str]:
    found = Counter(stack for stack, _ in sight.of_ours())
    yield from (f"{stack} was created {number} times" for stack, number in found.items() if number > 1)


def _one_project_a_tenant(sight: Sight) -> Iterator[str]:
    for tenant in sight.tenants:
        if sum(f"tenant={tenant} " in one["description"] for one in sight.projects) > 1:
            yield f"two projects of {tenant}"


def _nothing_deleted_unpurged(sight: Sight) -> Iterator[str]:
    for one in sight.services:
        if (one["deleted"] or one["deletions"]) and owner(one) not in sight.place.purged:
            yield f"{one['name']} was deleted"


def _no_volume_lost(sight: Sight) -> Iterator[str]:
    for name in sight.lost:
        if sight.owner(name[:24]) not in sight.place.purged:
            yield f"volume {name}"


def _only_the_leader_acts(sight: Sight) -> Iterator[str]:
    terms = sorted((at, one.user) for one in sight.place.daemons for at in one.taken)
    for call in sight.calls:
        before = [(at, user) for at, user in terms if at <= call["at"]]
        if before and before[-1][1] != call["user"]:
            late = call["at"] - before[-1][0]
            yield f"{call['method']} {call['path']} of the other, {late:.2f} s after the lease was taken"


def _foreign_is_left_alone(sight: Sight) -> Iterator[str]:
    for uuid in sight.place.foreign:
        if not any(one["uuid"] == uuid and not one["deleted"] for one in sight.services):
            yield f"{uuid} is gone"
        yield from (f"{call['method']} {call['path']}" for call in sight.calls if uuid in call["path"])


def _nothing_unwanted_is_asked_for(sight: Sight) -> Iterator[str]:
    """No start for what rests, no stop for what runs; a change of mind is followed within the grace."""
    for call in sight.calls:
        found = LAST_SERVICE.search(call["path"])
        stack = sight.owner(found[1]) if found else ""
        wished = sight.wished(stack, call["at"])
        verb = (found[2] or "") if found else ""
        if verb in ("/start", "/restart") and wished and "running" not in wished:
            yield f"{verb} of {stack}, wanted {wished}"
        if verb == "/stop" and wished == {"running"}:
            yield f"{verb} of {stack}, wanted running"


class NoUnwantedCreate:
    """A service comes into being only for a stack that was wanted running within the grace."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, sight: Sight) -> Iterator[str]:
        """Of the services that were not there a look ago."""
        for stack, one in sight.of_ours():
            if one["uuid"] not in self._seen:
                self._seen.add(one["uuid"])
                wished = sight.wished(stack, sight.at)
                if "running" not in wished:
                    yield f"{stack} was created, wanted {wished}"


def _memory_is_bounded(sight: Sight) -> Iterator[str]:
    for one in sight.place.daemons:
        if one.rss > MOST_MEMORY:
            yield f"{one.name} took more than {MOST_MEMORY} bytes"


def _none_ends_by_itself(sight: Sight) -> Iterator[str]:
    for one in sight.place.daemons:
        yield from (f"{one.name} ended with {code}" for code in one.ends)


def _no_run_crashes(sight: Sight) -> Iterator[str]:
    for one in sight.place.daemons:
        yield from (f"{one.name}: {bug}" for bug in one.bugs)


def laws(place: Place) -> Mapping[str, Callable[[Sight], Iterator[str]]]:
    """Name -> law, for one soak."""
    assert place.foreign
    return {
        "two services with one marker": _no_twins,
        "created twice in one life": _one_create_a_life,
        "two projects of one tenant": _one_project_a_tenant,
        "deleted without a purge": _nothing_deleted_unpurged,
        "a volume lost without a purge": _no_volume_lost,
        "an effect of one that does not lead": _only_the_leader_acts,
        "an effect on what is foreign": _foreign_is_left_alone,
        "asked for what is not wanted": _nothing_unwanted_is_asked_for,
        "created what is not wanted": NoUnwantedCreate(),
        "more memory than allowed": _memory_is_bounded,
        "a daemon ended by itself": _none_ends_by_itself,
        "a run ended as nobody foresaw": _no_run_crashes,
    }
