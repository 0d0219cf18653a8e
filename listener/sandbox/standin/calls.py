"""Who asked for what: every request, without the values it carried."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

MEMORY = 200_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `route` is the template (`/services/{uuid}`), `at` seconds of the stand-in's clock."""

    method: str
    route: str
    path: str
    status: int
    """What was answered; 0 when the connection was dropped."""
    user: int | None
    """None without a valid token."""
    at: float
    keys: tuple[str, ...] = ()
    """Names of the body's fields."""
    came: float = 0.0
    """When it arrived, on the same clock: `at` is when it was answered, later by the knob `latency`."""


class Calls:
    """The requests to the API since the last reset, in order; of very many the last `MEMORY`."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=MEMORY)

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call) -> None:
        """The call is remembered."""
        self._calls.append(call)

    def count(self, method: str = "", route: str = "") -> int:
        """How many calls had this method and route template; empty means any."""
        return sum(method in ("", call.method) and route in ("", call.route) for call in self._calls)

    def reset(self) -> None:
        """Nothing is remembered."""
        self._calls.clear()
