"""One stack, and everybody who saves it: staff with the admin UI's form, the portal's user, the listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.fixtures import Database

Row = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """A stack by its id."""

    database: Database
    stack: str

    @property
    def path(self) -> str:
        """Of the stack."""
        return f"/api/collections/agent_stacks/records/{self.stack}"

    async def form(self) -> Row:
        """What the admin UI posts when it saves a form that is opened now: the whole record, as it is."""
        answer = await self.database.admin.get(self.path)
        assert answer.status_code == 200, answer.text
        row: Row = answer.json()
        return {name: value for name, value in row.items() if name not in ("collectionId", "collectionName")}

    async def save(self, form: Row, *, by: httpx.AsyncClient | None = None) -> Row:
        """The stored row; asserts that the save was accepted. By the superuser unless told."""
        answer = await (by or self.database.admin).patch(self.path, json=form)
        assert answer.status_code == 200, answer.text
        return await self.form()

    async def refused(self, form: Row, *, by: httpx.AsyncClient | None = None) -> dict[str, str]:
        """Field -> error code of a save that was refused; asserts that nothing was stored."""
        before, audit = await self.form(), await self.operations()
        answer = await (by or self.database.admin).patch(self.path, json=form)
        assert answer.status_code == 400, answer.text
        assert await self.form() == before
        assert await self.operations() == audit
        return codes(answer.json())

    async def show(self, **fields: Any) -> None:
        """The listener wrote these fields, as it writes: in a batch, an action's end conditionally."""
        request = {"method": "PATCH", "url": self.path, "body": fields}
        answer = await self.database.service.post("/api/batch", json={"requests": [request]})
        assert answer.status_code == 200, answer.text

    async def operations(self, verb: str = "record.update") -> list[Row]:
        """Rows of the audit with that verb, in the order in which they were written."""
        return await rows(self.database.admin, "stack_operations", f"verb='{verb}'")


def codes(body: Row) -> dict[str, str]:
    """Field -> code of a refusal's body; each has a text for people."""
    assert all(len(fault["message"]) > 10 for fault in body["data"].values()), body
    return {name: fault["code"] for name, fault in body["data"].items()}


async def rows(http: httpx.AsyncClient, collection: str, filter_text: str = "") -> list[Row]:
    """All rows that the filter lets through, in the order in which they were made."""
    params = {"perPage": "500", "sort": "@rowid", "filter": filter_text}
    answer = await http.get(f"/api/collections/{collection}/records", params=params)
    assert answer.status_code == 200, answer.text
    found: list[Row] = answer.json()["items"]
    return found


async def create(http: httpx.AsyncClient, collection: str, row: Row) -> httpx.Response:
    """The answer to a create."""
    return await http.post(f"/api/collections/{collection}/records", json=row)
