"""Containers that ended: what is kept of them, and what it means. Pure.

Coolify tells neither exit codes nor memory kills of services; Docker does. Coolify's compose project of a
service is the service's uuid, and compose labels every container with it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
WINDOW = timedelta(hours=1)
"""For how long an end is remembered: a memory kill is an alert for as long."""
OFTEN, SOON = 3, timedelta(minutes=10)
"""So many ends within so long are a crash loop."""
KILLED = 137
PLANNED = (0, KILLED, 143)
"""Exit codes of a container that was told to stop (137: killed when its time to stop was over), or had done
its work."""
NEAR = timedelta(seconds=10)
"""An end this close to a memory kill was for want of memory: Docker tells the two apart, the kill first
(by 50 to 130 ms) as far as was seen."""
STALE = timedelta(minutes=5)
"""An older report says nothing any more."""
MOST = 50
"""Ends that are remembered of a container."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a container."""

    at: datetime
    code: int


@dataclass(frozen=True, slots=True)
class Observation:
    """`kind` is `oom` or `crash_loop`."""

    kind: str
    service_uuid: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen by then."""

    at: datetime
    observations: Sequence[Observation] = ()

    def is_fresh(self, now: datetime) -> bool:
        """It was written within the last five minutes, and not in the future."""
        return -STALE < now - self.at < STALE

    def json(self) -> Mapping[str, Any]:
        """As the file holds it."""
        return {"at": self.at.isoformat(), "observations": [asdict(one) for one in self.observations]}


def read(data: Any) -> Report | None:
    """The report in a file's JSON; None for what is none."""
    try:
        at = datetime.fromisoformat(data["at"])
        seen = [
            Observation(*(str(one[name]) for name in ("kind", "service_uuid", "text")))
            for one in data["observations"]
        ]
    except (KeyError, TypeError, ValueError):
        return None
    return Report(at if at.tzinfo else at.replace(tzinfo=UTC), seen)


def _few() -> defaultdict[tuple[str, str], deque[Any]]:
    return defaultdict(lambda: deque(maxlen=MOST))


@dataclass
class Ends:
    """Every end and every memory kill of the last hour, by project and compose service."""

    kept: defaultdict[tuple[str, str], deque[End]] = field(default_factory=_few)
    kills: defaultdict[tuple[str, str], deque[datetime]] = field(default_factory=_few)

    def add(self, project: str, service: str, end: End) -> None:
        """It ended; what is known already, or cannot have been but planned, is left out."""
        ends = self.kept[project, service]
        is_planned = end.code in PLANNED and end.code != KILLED and not self._is_oom(project, service, end)
        if not is_planned and end not in ends:
            ends.append(end)

    def kill(self, project: str, service: str, at: datetime) -> None:
        """A process of it was killed for want of memory: told only if the container ends with it."""
        self.kills[project, service].append(at)

    def report(self, now: datetime) -> Report:
        """What that means now."""
        self._forget(now - WINDOW)
        found = []
        for (project, service), ends in sorted(self.kept.items()):
            killed = [end for end in ends if self._is_oom(project, service, end)]
            if killed:
                text = f"{service} ran out of memory within the hour, {len(killed)} ×, last {_at(killed)}"
                found.append(Observation("oom", project, text))
            soon = [
                end for end in ends if now - end.at <= SOON and (end.code not in PLANNED or end in killed)
            ]
            if len(soon) >= OFTEN:
                code = soon[-1].code
                text = f"{service} ended {len(soon)} times within ten minutes, last with {code} {_at(soon)}"
                found.append(Observation("crash_loop", project, text))
        return Report(now, found)

    def _is_oom(self, project: str, service: str, end: End) -> bool:
        return any(abs(end.at - at) <= NEAR for at in self.kills.get((project, service), ()))

    def _forget(self, before: datetime) -> None:
        for ends in self.kept.values():
            while ends and ends[0].at < before:
                ends.popleft()
        for kills in self.kills.values():
            while kills and kills[0] < before - NEAR:
                kills.popleft()
        for known in (self.kept, self.kills):
            for key in [key for key, one in known.items() if not one]:
                del known[key]


def _at(ends: Sequence[End]) -> str:
    return f"at {ends[-1].at:%H:%M:%S} UTC"
