"""What `cloudfreedom sandbox --faults FILE` can make go wrong.

The file is a YAML list. Each entry says when, where and what:

    - {after: 5, every: 20, for: 10, where: coolify, what: status, status: 503, path: ^/services$, times: 2}

`after` seconds since the sandbox is ready (0 unless given), again `every` so many seconds, `for` so many at
most. Without `for` a fault of requests or jobs ends when it met `times` of them (1 unless given; with `for`
all), and any other lasts until the sandbox ends.

    where                  what       more
    coolify, pocketbase    status     status, headers, body, effect, which
                           drop       effect, which: the connection breaks, before the effect or after it
                           stall      effect, which: no answer until the client gives up
                           garbage    effect, which: 200 and half a JSON text
                           half       which: the true answer breaks off in its middle
                           delay      seconds, which: the true answer comes so much later
                           skew       seconds: the clock is ahead (of Coolify `Date` and stamps, else `Date`)
    coolify                lag        seconds, which: lists are repeated for so long
                           limit      per_minute: the request limit, turned down
                           turn       knobs: any of the stand-in's knobs, e.g. {reachable: false}
    pocketbase             cut        all connections break
                           deafen     streams: all connections, or only streams, fall silent and stay open
                           slow       seconds: each piece of bytes waits
                           refuse     connections are cut and refused
    jobs                   hold       which job: it waits until the fault ends
                           reorder    which job: likewise, and then the newest begins first; needs `for`
                           lose       which job: it leaves the queue and nothing happens

Which requests: `method`, `path` (a pattern; of Coolify below `/api/v1`), `times`. `effect: true` carries the
request out before its answer is spoiled. Which jobs: `job` (start, restart, stop, delete, part for one
container, sync for the next look at containers, without which the status goes on lying; any but sync unless
given), `service` (a pattern of names), `times`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from listener.sandbox.standin import faults as standin
from listener.sandbox.standin import knobs

LISTS = r"^/(services|projects|resources|servers/[^/]+/resources)$"
ENDLESS = 10**9
"""Times that a fault meets requests while it lasts."""
WHEN = {"after", "every", "lasts", "where", "what"}


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no pattern: {error}") from None
    return text


Seconds = Annotated[float, Field(ge=0, le=1e6)]
Span = Annotated[float, Field(gt=0, le=1e6)]
Skewed = Annotated[float, Field(ge=-1e8, le=1e8)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Count = Annotated[int, Field(ge=1, le=ENDLESS)]
HeaderText = Annotated[str, Field(pattern=r"^[ -~]*$")]
Upstream = Literal["coolify", "pocketbase"]


class Entry(BaseModel):
    """One fault of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    after: Seconds = 0.0
    every: Span | None = None
    lasts: Annotated[Span | None, Field(alias="for")] = None
    where: Literal["coolify", "pocketbase", "jobs"]
    what: str

    @pydantic.model_validator(mode="after")
    def _ends_before_it_begins_again(self) -> Self:
        if self.every and self.lasts and self.every < self.lasts:
            raise ValueError("`every` is shorter than `for`")
        return self

    @property
    def seconds_at_most(self) -> float:
        """Until it ends by itself, or begins again."""
        return self.lasts or self.every or float("inf")

    def __str__(self) -> str:
        """Where, what, and what else was given."""
        given = self.model_dump(exclude_unset=True, exclude=WHEN)
        return " ".join([self.where, self.what, *(f"{name}={value}" for name, value in given.items())])


class _Counted(Entry):
    times: Count | None = None

    @property
    def _times(self) -> int:
        return self.times or (ENDLESS if self.lasts else 1)


class Request(_Counted):
    """Spoils requests, or their answers."""

    where: Upstream
    method: Annotated[str, Field(pattern=r"^[A-Z]*$")] = ""
    path: Pattern = ""

    def fault(self) -> dict[str, Any]:
        """The fields of a `Fault`."""
        return {"method": self.method, "path": self.path, "times": self._times, **self._spoiling()}

    def _spoiling(self) -> dict[str, Any]:
        raise NotImplementedError


class Status(Request):
    """Another answer than the true one."""

    what: Literal["status"]
    status: Annotated[int, Field(ge=200, le=599)]
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")], HeaderText | int] = {}
    body: str = '{"message":"Server Error"}'
    effect: bool = False

    def _spoiling(self) -> dict[str, Any]:
        headers = {name: str(value) for name, value in self.headers.items()}
        return {"reply": self.status, "headers": headers, "body": self.body, "effect": self.effect}


class Broken(Request):
    """No answer, or none that can be read."""

    what: Literal["drop", "stall", "garbage"]
    effect: bool = False

    def _spoiling(self) -> dict[str, Any]:
        return {"reply": self.what, "effect": self.effect}


class Half(Request):
    """The first half of the true answer."""

    what: Literal["half"]

    def _spoiling(self) -> dict[str, Any]:
        return {"reply": "half"}


class Delay(Request):
    """The true answer, late."""

    what: Literal["delay"]
    seconds: Span

    def _spoiling(self) -> dict[str, Any]:
        return {"reply": None, "delay": self.seconds}


class Lag(Request):
    """An old answer."""

    where: Literal["coolify"]
    what: Literal["lag"]
    seconds: Span
    path: Pattern = LISTS

    def _spoiling(self) -> dict[str, Any]:
        return {"reply": None, "lag": self.seconds}


class Job(_Counted):
    """Spoils queued jobs."""

    where: Literal["jobs"]
    what: Literal["hold", "reorder", "lose"]
    job: standin.Job = ""
    service: Pattern = ""

    @pydantic.model_validator(mode="after")
    def _is_reordered_in_the_end(self) -> Self:
        if self.what == "reorder" and self.lasts is None:
            raise ValueError("`reorder` needs `for`: the jobs begin when it ends")
        return self

    def fault(self) -> dict[str, Any]:
        """The fields of a `JobFault`."""
        return {"does": self.what, "job": self.job, "service": self.service, "times": self._times}


class Mood(Entry):
    """Turns what holds for everything, at the stand-in or at the proxy."""

    def changes(self) -> dict[str, Any]:
        """Knob or switch to its value."""
        raise NotImplementedError


class Limit(Mood):
    """Fewer requests a minute."""

    where: Literal["coolify"]
    what: Literal["limit"]
    per_minute: Count

    def changes(self) -> dict[str, Any]:
        return {"rate_limit": self.per_minute}


class Skew(Mood):
    """A clock that is wrong."""

    where: Upstream
    what: Literal["skew"]
    seconds: Skewed

    def changes(self) -> dict[str, Any]:
        return {"skew": self.seconds}


class Turn(Mood):
    """Knobs of the stand-in, turned."""

    where: Literal["coolify"]
    what: Literal["turn"]
    knobs: dict[str, bool | int | float | Pattern]

    @pydantic.field_validator("knobs")
    @classmethod
    def _are_known(cls, given: dict[str, Any]) -> dict[str, Any]:
        knobs.Knobs().turn(given)
        return given

    def changes(self) -> dict[str, Any]:
        return self.knobs


class Cut(Entry):
    """Broken connections, at once."""

    where: Literal["pocketbase"]
    what: Literal["cut"]
    lasts: None = None


class Deafen(Entry):
    """Silent connections, at once and for their lifetime."""

    where: Literal["pocketbase"]
    what: Literal["deafen"]
    lasts: None = None
    streams: bool = False


class Slow(Mood):
    """Bytes that come late."""

    where: Literal["pocketbase"]
    what: Literal["slow"]
    seconds: Span

    def changes(self) -> dict[str, Any]:
        return {"slow": self.seconds}


class Refuse(Entry):
    """Nobody is there."""

    where: Literal["pocketbase"]
    what: Literal["refuse"]


Kind = Status | Broken | Half | Delay | Lag | Job | Limit | Skew | Turn | Cut | Deafen | Slow | Refuse
"""Told apart by `what`."""
