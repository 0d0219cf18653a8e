"""What can be turned while the stand-in runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass
class Knobs:
    """Delays, limits and moods of the stand-in. Each attribute may be changed at any moment."""

    latency: float = 0.0
    """Seconds before each API request is looked at."""
    job_delay: float = 0.05
    """Seconds from the acceptance of a job to its beginning."""
    job_spread: float = 0.0
    """Seconds, at most, that a job waits longer: a random part of this."""
    start_seconds: float = 0.1
    """Seconds that `docker compose up` takes; the status is `starting:unhealthy` meanwhile."""
    sync_delay: float = 0.1
    """Seconds from a change of containers to the cached status that the API shows (60 in production)."""
    rate_limit: int = 200
    """Requests per user in one window of 60 s."""
    version: str = "4.3.10"
    """What `GET /version` answers."""
    skew: float = 0.0
    """Seconds that its clock is ahead: the `Date` of its answers and every stamp."""
    unhealthy: str = ""
    """Services whose name matches this pattern come up `running:unhealthy`."""
    never_start: str = ""
    """`docker compose up` fails for services whose name matches this pattern."""
    reachable: bool = True
    """False: every server is marked unreachable. Stop does nothing, start fails, delete removes only rows."""
    ssh: bool = True
    """False: ssh fails although the server is marked reachable. Stop writes `exited`, containers run on."""

    def turn(self, changes: Mapping[str, Any]) -> None:
        """Set the named knobs; texts are read as the knob's type. Raises ValueError for an unknown name."""
        kinds = {field.name: type(field.default) for field in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in kinds:
                raise ValueError(f"no knob {name!r}; there are {', '.join(sorted(kinds))}")
            setattr(self, name, _read(kinds[name], value))

    def show(self) -> dict[str, Any]:
        """All knobs by name."""
        return dataclasses.asdict(self)


LIKE_PRODUCTION: Mapping[str, float] = {
    "latency": 0.153,
    "job_delay": 2.0,
    "job_spread": 28.0,
    "start_seconds": 90.0,
    "sync_delay": 60.0,
}
"""As slow as a real one: an answer in 153 ms, jobs after 2 to 30 s, an image pulled in 90 s, a status that
comes 60 s late.
"""


def _read(kind: type, value: Any) -> Any:
    if kind is bool:
        return value if isinstance(value, bool) else str(value).lower() in {"1", "true", "yes", "on"}
    return kind(value)
