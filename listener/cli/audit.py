"""Lines of the audit: read the last ones, and write down who did something by a command."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from handlers import recorder, status
from listener import errors
from listener.cli import reach
from listener.pocketbase import client
from listener.pocketbase.client import PocketBase
from listener.pocketbase.writer import Write

ORDER = "-created,-@rowid"
"""Newest first; what one batch wrote has one time, and stands in its order."""


def actor() -> str:
    """Who typed the command, as the host knows them."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "unknown"


def line(verb: str, **fields: Any) -> Write:
    """That a person did this just now, as a write."""
    now = status.stamp(datetime.now(UTC))
    body = {"verb": verb, "outcome": "done", "actor": actor(), "side": "staff", "ended": now, **fields}
    return Write("POST", recorder.OPERATIONS, reach.new_id(), body)


async def last(
    known: PocketBase,
    condition: str,
    count: int,
    *,
    collection: str = recorder.OPERATIONS,
    sort: str = ORDER,
) -> Sequence[Mapping[str, Any]]:
    """The last so many rows that meet PocketBase's filter, oldest first; raises `COLLECTION_UNREADABLE`."""
    params: dict[str, Any] = {"filter": condition, "sort": sort, "perPage": count, "skipTotal": "1"}
    answer = await known.send("GET", client.path(collection), safe=True, params=params)
    if answer.status_code != 200:
        raise errors.Global(
            "COLLECTION_UNREADABLE",
            f"the collection {collection!r} cannot be read",
            why=f"HTTP {answer.status_code}",
            fix="run `cloudfreedom schema diff`, then `cloudfreedom schema apply`",
        )
    return list(reversed(client.decoded(answer)["items"]))
