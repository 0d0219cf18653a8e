"""Rows as PocketBase has them: one by id, the first of a filter, or all of a collection.

No answer here proves that something is gone. A full list is believed only between two proofs of identity;
what a rule hides is still invisible (PocketBase 0.40.6: 200 with fewer rows, 404 by id).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

import httpx

from listener import errors, transport
from listener.pocketbase import session as sessions

PAGE = 1000
"""Rows a page; PocketBase caps `perPage` there."""

Row = dict[str, Any]
Rows = list[Row]

_within: ContextVar[PocketBase | None] = ContextVar("pocketbase_proven", default=None)


class PocketBase:
    """Reads as the service account, and the one way to send anything else as it."""

    def __init__(self, *, http: httpx.AsyncClient, session: sessions.Session) -> None:
        self._http = http
        self.session = session

    async def get(self, collection: str, id: str, *, expand: str = "") -> Row | None:  # noqa: A002
        """The row, or None for a 404, which is no evidence of absence: rules and dead tokens say so too."""
        params = {"expand": expand} if expand else None
        answer = await self.send("GET", path(collection, id), safe=True, params=params)
        if answer.status_code == 404:
            return None
        row: Row = _readable(answer, collection)
        return row

    async def page_first(self, collection: str, filter: str) -> Row | None:  # noqa: A002
        """The first row by id that the filter lets through, or None, which is no evidence of absence."""
        page = await self._page(collection, {"filter": filter, "perPage": 1})
        return page[0] if page else None

    async def list(
        self,
        collection: str,
        *,
        filter: str = "",  # noqa: A002
        fields: str = "",
        expand: str = "",
    ) -> Rows:
        """Every row that we may see, by id, read between two proofs of identity (or inside `proven`).

        `fields` always brings `id`. Rows deleted meanwhile skip no other row: pages go by id, not by
        number. Raises `Global` `COLLECTION_UNREADABLE` for a 403 or 404, and whatever a failed proof raises.
        """
        async with self.proven():
            pages = self.pages(collection, filter=filter, fields=fields, expand=expand)
            return [row async for page in pages for row in page]

    async def pages(
        self,
        collection: str,
        *,
        filter: str = "",  # noqa: A002
        fields: str = "",
        expand: str = "",
    ) -> AsyncIterator[Rows]:
        """Like `list`, page by page, inside `proven` only: what is not there is known when that is left."""
        assert _within.get() is self
        wanted = {
            "expand": expand,
            "fields": f"{fields},id" if fields and "id" not in fields.split(",") else fields,
        }
        params = {"perPage": PAGE} | {name: value for name, value in wanted.items() if value}
        after, page = "", Rows()
        while not after or len(page) == PAGE:
            conditions = " && ".join(part for part in (filter and f"({filter})", after) if part)
            page = await self._page(collection, params | {"filter": conditions})
            after = f"id>{quoted(page[-1]['id'])}" if page else ""
            yield page
            if not page:
                return

    @asynccontextmanager
    async def proven(self) -> AsyncIterator[None]:
        """What is read inside was read as the service account: proven once before and once after.

        Lists inside skip their own proofs. Leaving it raises `UpstreamUnavailable` `IDENTITY_CHANGED` when a
        login was needed meanwhile (the lists may have been a guest's), or like `Session.prove`.
        """
        if _within.get() is self:
            yield
            return
        await self.session.prove()
        logins = self.session.logins
        mark = _within.set(self)
        try:
            yield
        finally:
            _within.reset(mark)
        await self.session.prove()
        if self.session.logins != logins:
            raise errors.UpstreamUnavailable(
                "IDENTITY_CHANGED",
                "what was just read from PocketBase is not believed",
                why="the token died while it was read, and a dead token sees empty lists",
                fix="nothing to do: it is read again with the new token",
            )

    async def send(
        self,
        method: str,
        path: str,
        *,
        safe: bool,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> httpx.Response:
        """The answer, 2xx or 4xx, to a request of the service account; after a 401 it is sent once more.

        Raises `Throttled` for a 429, `Global` `POCKETBASE_UNEXPECTED` for a redirect, otherwise like
        `transport.send` and `Session.prove`.
        """
        answer = await self._send(method, path, safe=safe, params=params, json=json)
        if answer.status_code == 401:
            await self.session.prove()
            answer = await self._send(method, path, safe=safe, params=params, json=json)
        if answer.status_code == 429:
            raise sessions.throttled(answer)
        if answer.is_redirect:
            raise sessions.unexpected(answer)
        return answer

    async def _send(
        self, method: str, path: str, *, safe: bool, params: Mapping[str, Any] | None, json: Any
    ) -> httpx.Response:
        headers = await self.session.headers()
        return await transport.send(
            self._http,
            method,
            path,
            upstream="POCKETBASE",
            safe=safe,
            params=params,
            json=json,
            headers=headers,
        )

    async def _page(self, collection: str, params: Mapping[str, Any]) -> Rows:
        # Without skipTotal PocketBase counts the whole table for each page.
        query = {"sort": "id", "skipTotal": 1} | {name: value for name, value in params.items() if value}
        answer = await self.send("GET", path(collection), safe=True, params=query)
        try:
            rows: Rows = _readable(answer, collection)["items"]
        except (KeyError, TypeError) as error:
            raise sessions.unreadable(answer) from error
        return rows


def path(collection: str, id: str = "") -> str:  # noqa: A002
    """The path of a collection's records, or of one record."""
    records = f"/api/collections/{quote(collection, safe='')}/records"
    return f"{records}/{quote(id, safe='')}" if id else records


def quoted(text: str) -> str:
    """A text as a literal of PocketBase's filter language."""
    return "'" + text.replace("'", "\\'") + "'"


def decoded(answer: httpx.Response) -> Any:
    """The JSON body; raises `UpstreamUnavailable` when there is none."""
    try:
        return answer.json()
    except ValueError as error:
        raise sessions.unreadable(answer) from error


def _readable(answer: httpx.Response, collection: str) -> Any:
    if answer.status_code == 200:
        return decoded(answer)
    if answer.status_code in {403, 404}:
        raise errors.Global(
            "COLLECTION_UNREADABLE",
            f"the collection {collection!r} cannot be read",
            why=f"HTTP {answer.status_code}: it was renamed or deleted, or its rules were changed or emptied",
            fix="run `cloudfreedom schema diff`, then `cloudfreedom schema apply`",
        )
    raise errors.Global(
        "QUERY_REFUSED",
        f"PocketBase refused to read {collection!r}",
        why=f"HTTP {answer.status_code}: most likely a filter names a field that is missing or hidden",
        fix="run `cloudfreedom schema diff`, then `cloudfreedom schema apply`",
    )
