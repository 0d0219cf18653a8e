"""What goes wrong on purpose: with a number of requests, or with a number of queued jobs.

Only here does the stand-in deviate from what Coolify does. The fault proxy before PocketBase knows the same
`Fault`, so that both places speak of requests in the same words.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

Reply = int | Literal["drop", "garbage", "half", "stall"] | None
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
GARBAGE = b'{"uuid":"abc'

Job = Literal["", "start", "restart", "stop", "delete", "part", "sync"]
"""What waits in the queue. `part` is one container's start or stop, `sync` the next look at containers."""


@with_config(STRICT)
@dataclass(slots=True)
class Fault:
    """For the next `times` requests that match: what becomes of their effect and of their answer."""

    method: str = ""
    """Exact method; empty means any."""
    path: str = ""
    """Pattern searched in the path (of Coolify: below `/api/v1`), e.g. `^/services$`; empty means any."""
    times: int = 1
    effect: bool = False
    """True: the request is carried out before its answer is spoiled."""
    reply: Reply = 500
    """A status, `drop` (the connection breaks), `garbage` (200, half a JSON text), `half` (the true answer
    breaks off in its middle), `stall` (none until the client gives up), None (the true answer)."""
    delay: float = 0.0
    """Seconds between the effect and the answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with a status reply, e.g. `Retry-After`."""
    body: str = '{"message":"Server Error"}'
    """Sent with a status reply."""
    lag: float = 0.0
    """With the reply None: what a GET was answered is repeated for so many seconds."""
    number: int = field(default=0, init=False)
    """Given when it is added."""
    _kept: dict[str, tuple[float, Any]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Raises ValueError for a path that is no pattern."""
        _check_pattern(self.path)
        self.effect = self.effect or self.reply in (None, "half")

    def matches(self, method: str, path: str) -> bool:
        """This request is meant."""
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None

    def aged(self, address: str, body: Any, *, now: float) -> Any:
        """The body that this address was answered with at most `lag` seconds ago, else the new one."""
        since, kept = self._kept.get(address, (now, body))
        if now - since >= self.lag:
            since, kept = now, body
        self._kept[address] = since, kept
        return kept

    def shown(self) -> dict[str, Any]:
        """As the control pages show it."""
        names = ("number", "method", "path", "times", "effect", "reply", "delay", "headers", "body", "lag")
        return {name: getattr(self, name) for name in names}


@with_config(STRICT)
@dataclass(slots=True)
class JobFault:
    """For the next `times` jobs that match: they wait until the fault is lifted, or are lost."""

    does: Literal["hold", "reorder", "lose"]
    """`hold`: they begin when it is lifted; `reorder`: so too, the newest first; `lose`: they never begin."""
    job: Job = ""
    """Empty means any but `sync`."""
    service: str = ""
    """Pattern searched in the service's name; empty means any."""
    times: int = 1
    number: int = field(default=0, init=False)
    """Given when it is added."""
    held: list[Callable[[], None]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        """Raises ValueError for a service that is no pattern."""
        _check_pattern(self.service)

    def matches(self, job: str, service: str) -> bool:
        """This job is meant."""
        meant = self.job == job if self.job else job != "sync"
        return self.times > 0 and meant and re.search(self.service, service) is not None

    def take(self, deed: Callable[[], None]) -> None:
        """The job is used up by the fault."""
        self.times -= 1
        if self.does != "lose":
            self.held.append(deed)

    def freed(self) -> list[Callable[[], None]]:
        """What was held, in the order in which it is to begin."""
        held, self.held = self.held, []
        return held[::-1] if self.does == "reorder" else held

    def shown(self) -> dict[str, Any]:
        """As the control pages show it."""
        names = ("number", "does", "job", "service", "times")
        return {name: getattr(self, name) for name in names} | {"held": len(self.held)}


class Faults:
    """Faults in the order they were added; the first that matches is used up by one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)

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
        return self.put(Fault(method, path, times=times, effect=effect, reply=reply, delay=delay))

    def put(self, fault: Fault) -> Fault:
        """The fault waits for its requests, and has a number."""
        fault.number = next(self._numbers)
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

    def drop(self, number: int) -> None:
        """The fault of that number waits no more."""
        self._faults = [fault for fault in self._faults if fault.number != number]

    def clear(self) -> None:
        """Nothing goes wrong on purpose any more."""
        self._faults.clear()


_READERS: dict[type[Any], TypeAdapter[Any]] = {}


def read(kind: type[Fault | JobFault], body: Any) -> Any:
    """A fault from JSON; raises ValueError that names what is wrong."""
    reader = _READERS.setdefault(kind, TypeAdapter(kind))
    try:
        return reader.validate_python(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no pattern: {error}") from None
