"""What goes wrong on purpose, for a number of requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Reply = int | Literal["drop", "garbage"] | None


@dataclass(slots=True)
class Fault:
    """For the next `times` requests that match: what becomes of their effect and of their answer."""

    method: str = ""
    """Exact method; empty means any."""
    path: str = ""
    """Pattern searched in the path below `/api/v1`, e.g. `^/services$`; empty means any."""
    times: int = 1
    effect: bool = False
    """True: the request is carried out before its answer is spoiled."""
    reply: Reply = 500
    """A status, `drop` (the connection breaks), `garbage` (200, half a JSON text), None (the true answer)."""
    delay: float = 0.0
    """Seconds between the effect and the answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with a status reply, e.g. `Retry-After`."""
    body: str = '{"message":"Server Error"}'
    """Sent with a status reply."""

    def matches(self, method: str, path: str) -> bool:
        """This request is meant."""
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None


class Faults:
    """Faults in the order they were added; the first that matches is used up by one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        method: str = "",
        path: str = "",
        *,
        times: int = 1,
        effect: bool = False,
        reply: Reply = 500,
        delay: float = 0.0,
    ) -> Fault:
        """The fault waits for its requests; the returned object may still be changed."""
        fault = Fault(method, path, times=times, effect=effect or reply is None, reply=reply, delay=delay)
        self._faults.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by one."""
        for fault in self._faults:
            if fault.matches(method, path):
                fault.times -= 1
                return fault
        return None

    def pending(self) -> list[Fault]:
        """Faults that still wait for requests."""
        return [fault for fault in self._faults if fault.times > 0]

    def clear(self) -> None:
        """Nothing goes wrong on purpose any more."""
        self._faults.clear()
