"""One `POST /api/batch`: all of it is kept or none of it, in one transaction on PocketBase's one writer.

Conditions in update rules (fence, holder, action) hold in a batch only: a plain PATCH reads, checks and saves
in three steps (seen on PocketBase 0.40.6: 19 of 160 races with two winners, none by batch).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ValidationError

from listener import errors
from listener.pocketbase import client
from listener.pocketbase import session as sessions

ITEMS = 50
"""Writes a batch; PocketBase's default `settings.batch.maxRequests`."""
CONDITIONS = frozenset({"if_action", "if_fence"})
PARAMETERS = CONDITIONS | {"as_holder"}


@dataclass(frozen=True, slots=True)
class Write:
    """One item of a batch.

    `POST` creates the row under the id chosen here (a second time is refused, so a repeat does no harm),
    `PUT` creates or patches it, `PATCH` changes the fields of `body`, `DELETE` removes it. An `optional`
    write is left out when it alone would spoil its group. PocketBase merges `query` into the body (0.40.6),
    therefore only `PARAMETERS` are allowed, which are no column's name.
    """

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    collection: str
    id: str
    body: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a write without an id cannot be looked up after a lost answer")
        if not self.query.keys() <= PARAMETERS:
            raise ValueError(f"query parameters are {sorted(PARAMETERS)}: another may be a column")

    @property
    def creates(self) -> bool:
        """PocketBase's limiter may count it as a create."""
        return self.method in {"POST", "PUT"}

    @property
    def is_conditional(self) -> bool:
        """It is expected to be refused at times, so nobody may share its batch."""
        return not CONDITIONS.isdisjoint(self.query)

    def item(self) -> dict[str, Any]:
        """It as PocketBase wants it."""
        url = client.path(self.collection, "" if self.creates else self.id)
        if self.query:
            url = f"{url}?{httpx.QueryParams(dict(self.query))}"
        body = {**self.body, "id": self.id} if self.creates else dict(self.body)
        return {"method": self.method, "url": url, "body": body}


class Refused(errors.UpstreamRefusal):
    """`WRITE_REFUSED`: PocketBase named `index` as the first write that it refused, and kept none."""

    def __init__(self, what: str, *, why: str, status: int, index: int) -> None:
        fix = (
            "correct the named fields; where none is named a rule or condition refused: `cloudfreedom doctor`"
        )
        super().__init__("WRITE_REFUSED", what, status=status, why=why, fix=fix)
        self.index = index


class Failed(errors.Ambiguous):
    """`BATCH_FAILED`: no write is to blame by name; a busy database ends a batch so after 3 s (default)."""

    def __init__(self, status: int) -> None:
        super().__init__(
            "BATCH_FAILED",
            "PocketBase gave up a batch of writes",
            why=f"HTTP {status} for the whole: too slow, too large, or a hook failed after saving",
            fix="nothing to do: the listener looks at what happened and tries again",
        )


class _Response(BaseModel):
    status: int
    data: dict[str, Any] = {}


class _Failure(BaseModel):
    response: _Response


class _Failures(BaseModel):
    requests: dict[int, _Failure]


class _Body(BaseModel):
    data: _Failures


async def post(pocketbase: client.PocketBase, writes: Sequence[Write]) -> client.Rows:
    """All writes are kept; the rows as saved, one a write, `{}` for a deleted one.

    Raises `Refused`, `Failed`, `Throttled` (the 429 may be one item's), `Global` `BATCH_DISABLED`, and like
    `PocketBase.send`. After anything but `UpstreamUnavailable` the rows may have been written all the same.
    """
    items = [write.item() for write in writes]
    answer = await pocketbase.send("POST", "/api/batch", safe=False, json={"requests": items})
    if answer.status_code == 200:
        return _rows(answer, len(writes))
    if answer.status_code == 403:
        raise errors.Global(
            "BATCH_DISABLED",
            "PocketBase allows no batch requests",
            why="they are off by default, and the listener's writes are safe in a batch only",
            fix="run `cloudfreedom schema apply`, or switch on Settings > Application > Batch API",
        )
    raise _refusal(answer, writes)


def _rows(answer: httpx.Response, count: int) -> client.Rows:
    try:
        rows: client.Rows = [item["body"] or {} for item in answer.json()]
    except (ValueError, KeyError, TypeError):
        rows = []
    if len(rows) != count:
        raise errors.Ambiguous(
            "POCKETBASE_NO_ANSWER",
            "the answer to POST /api/batch cannot be read",
            why="HTTP 200 with a body that PocketBase does not send",
            fix="nothing to do: the listener looks at what happened and tries again",
        )
    return rows


def _refusal(answer: httpx.Response, writes: Sequence[Write]) -> errors.ListenerError:
    """PocketBase names the first item that failed. Its texts quote values, so only fields and codes go on."""
    try:
        index, failure = next(iter(_Body.model_validate_json(answer.content).data.requests.items()))
        write = writes[index]
    except (ValidationError, StopIteration, IndexError):
        return Failed(answer.status_code)
    if failure.response.status == 429:
        return sessions.throttled(answer)
    fields = [
        f"{name}: {problem['code'] if isinstance(problem, dict) and 'code' in problem else 'refused'}"
        for name, problem in failure.response.data.items()
    ]
    return Refused(
        f"PocketBase refused {write.method} {write.collection}/{write.id}",
        why=", ".join(fields) or f"HTTP {failure.response.status} without naming a field",
        status=failure.response.status,
        index=index,
    )
