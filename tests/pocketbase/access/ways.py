"""The ways by which a body reaches PocketBase, and the spellings by which a field may slip past a rule."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.pocketbase.access.world import Row, path

Way = Callable[[httpx.AsyncClient, str, str, Row], Awaitable[httpx.Response]]
"""Client, collection, id (empty: a create), body."""


async def plain(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    """JSON, as the SDK sends it."""
    return await http.request(_method(id_), path(collection, id_), json=body)


async def _urlencoded(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    return await http.request(_method(id_), path(collection, id_), data=_flat(body))


async def _form(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    parts = [(key, (None, value)) for key, value in _flat(body).items()]
    return await http.request(_method(id_), path(collection, id_), files=parts)


async def _form_of_json(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    parts = {"@jsonPayload": (None, json.dumps(body))}
    return await http.request(_method(id_), path(collection, id_), files=parts)


async def batch(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    """The one request of a batch."""
    return await _batched(http, _method(id_), path(collection, id_), body)


async def _put(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    return await _batched(http, "PUT", path(collection), {"id": id_} | body if id_ else body)


async def _query(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    return await _batched(http, _method(id_), f"{path(collection, id_)}?{urlencode(_flat(body))}", {})


async def _batch_form(http: httpx.AsyncClient, collection: str, id_: str, body: Row) -> httpx.Response:
    item = {"method": _method(id_), "url": path(collection, id_), "body": body}
    parts = {"@jsonPayload": (None, json.dumps({"requests": [item]}))}
    return await http.post("/api/batch", files=parts)


WAYS: dict[str, Way] = {
    "plain": plain,
    "urlencoded": _urlencoded,
    "form": _form,
    "form of JSON": _form_of_json,
    "batch": batch,
    "batch upsert": _put,
    "batch query": _query,
    "batch form": _batch_form,
}
"""Each of them writes what the rules allow."""

SPELLINGS: tuple[Callable[[str, Any], Row], ...] = (
    lambda field, value: {f"{field}+": value},
    lambda field, value: {f"+{field}": value},
    lambda field, value: {f"{field}-": value},
    lambda field, value: {field: [value]},
    lambda field, value: {field: {field: value}},
    lambda field, value: {f"{field}.{field}": value},
    lambda field, value: {f"tenant_id.agent_stacks_via_tenant_id.{field}": value},
    lambda field, value: {f"{field}:isset": value},
    lambda field, value: {f" {field} ": value},
    lambda field, value: {field.upper(): value},
    lambda field, value: {field: None, f"{field}+": value},
)


def _method(id_: str) -> str:
    return "PATCH" if id_ else "POST"


def _flat(body: Row) -> dict[str, str]:
    texts = {key: "" if value is None else value for key, value in body.items()}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in texts.items()}


async def _batched(http: httpx.AsyncClient, method: str, url: str, body: Row) -> httpx.Response:
    return await http.post("/api/batch", json={"requests": [{"method": method, "url": url, "body": body}]})
