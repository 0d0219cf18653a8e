"""Diff and apply of `pb_schema`: the only code that needs a superuser, and never the daemon's own."""

from __future__ import annotations

import secrets
import string
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from listener import errors, transport

from . import schema_diff, schema_model
from .schema_diff import Finding, World
from .schema_model import Collection, Index, Json, Model

VERSION = schema_model.VERSION
"""What `listener_meta.schema_version` says after an apply of this release."""
CLI = "cli"
"""The account of the command line: staff, never lease holder."""
ACCOUNTS = "listeners"
"""The auth collection of the service account and of `CLI`."""


async def superuser(http: httpx.AsyncClient, email: str, password: SecretStr) -> None:
    """`http` speaks as the superuser from now on (a token lives one day by default, PocketBase 0.40.6).

    Raises `Global` `POCKETBASE_SUPERUSER_REFUSED` for wrong credentials.
    """
    token = await _login(http, "_superusers", email, password)
    if token is None:
        raise errors.Global(
            "POCKETBASE_SUPERUSER_REFUSED",
            f"PocketBase refused the superuser {email}",
            why="wrong e-mail or password, multi-factor login, or a superuser address list",
            fix="check POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD",
        )
    http.headers["Authorization"] = token


async def diff(http: httpx.AsyncClient, *, rules: bool, templates: tuple[str, ...] = ()) -> list[Finding]:
    """What `apply` with the same arguments would do, the most urgent first; writes nothing.

    `http` carries a superuser's token; `rules` asks for the narrowed rules; `templates` are slugs that
    `agent_stacks.template` must offer beside those of the model. Accounts are not looked at: no password.
    """
    model = _with_templates(schema_model.load(), templates)
    world = await _read(http, model)
    findings = [*schema_diff.holes(world, model), *schema_diff.advice(world, model, narrow=rules)]
    for collection in model.collections:
        findings += schema_diff.of(collection, world, model, narrow=rules).findings
    findings += [] if world.batch else [Finding("~", "settings", "batch requests switched on")]
    return [*findings, *(finding for finding, *_ in _seeds(world, model))]


async def apply(
    http: httpx.AsyncClient,
    *,
    rules: bool,
    identity: str,
    password: SecretStr,
    templates: tuple[str, ...] = (),
) -> list[Finding]:
    """PocketBase is as `pb_schema` says, and the accounts can log in; returns what was done.

    Nothing is lost: existing fields, rows and order stay. Each collection is one atomic write, so a broken
    run is completed by the next; a run that finds nothing to do writes nothing. The accounts `identity` and
    `CLI` get `password` only where a login with it fails: setting it again would end every token.
    Raises `Refusal`, `UpstreamRefusal` (a write was refused), `Global` (not a superuser).
    """
    model = _with_templates(schema_model.load(), templates)
    world = await _read(http, model)
    findings = [*schema_diff.holes(world, model), *schema_diff.advice(world, model, narrow=rules)]
    for collection in model.collections:
        change = schema_diff.of(collection, world, model, narrow=rules)
        findings += change.findings
        if change.body:
            world.collections[collection.name] = await _write(http, collection, world, change.body)
    if not world.batch:
        findings.append(Finding("~", "settings", "batch requests switched on"))
        await _ask(http, "PATCH", "/api/settings", json={"batch": {"enabled": True}})
    for finding, method, path, row in _seeds(world, model):
        findings.append(finding)
        await _ask(http, method, path, json=row)
    for username in dict.fromkeys((identity, CLI)):
        findings += await _account(http, username, password)
    return findings


async def _read(http: httpx.AsyncClient, model: Model) -> World:
    page = await _ask(http, "GET", "/api/collections", params={"perPage": 500})
    collections = {item["name"]: item for item in page["items"]}
    for collection in model.collections:
        if collection.existing == "required" and collection.name not in collections:
            raise errors.Refusal(
                "SCHEMA_COLLECTION_MISSING",
                f"PocketBase has no collection {collection.name}",
                why="tenants are owned by the portal's users, which it keeps there",
                fix=f"is this the portal's PocketBase? if so, make an auth collection {collection.name}",
            )
    settings = await _ask(http, "GET", "/api/settings")
    return World(
        collections=collections,
        batch=settings["batch"]["enabled"],
        duplicates={
            index.name: found
            for collection in model.collections
            for index in schema_diff.missing_indexes(collection, collections.get(collection.name))
            if index.unique and (found := await _duplicates(http, collection, index, collections))
        },
        ownerless=await _ownerless(http, collections),
        rows={
            name: {row["id"]: row for row in await _rows(http, name, "id,inst,schema_version")}
            for name in model.seeds
            if name in collections
        },
    )


async def _duplicates(
    http: httpx.AsyncClient, collection: Collection, index: Index, collections: dict[str, Json]
) -> tuple[str, ...]:
    if collection.name not in collections:
        return ()
    columns = (*index.columns, *index.unless)
    groups: dict[tuple[Any, ...], list[str]] = {}
    for row in await _rows(http, collection.name, ",".join(("id", *columns))):
        if all(row.get(column) != value for column, value in index.unless.items()):
            groups.setdefault(tuple(row.get(column) for column in index.columns), []).append(row["id"])
    return tuple(
        f"{' '.join(map(str, values))} ({' '.join(ids)})" for values, ids in groups.items() if len(ids) > 1
    )


async def _ownerless(http: httpx.AsyncClient, collections: dict[str, Json]) -> tuple[str, ...]:
    if "tenants" not in collections:
        return ()
    rows = await _rows(http, "tenants", "id,slug,user_id,owners")
    return tuple(
        row.get("slug") or row["id"] for row in rows if not (row.get("user_id") or row.get("owners"))
    )


async def _rows(http: httpx.AsyncClient, collection: str, fields: str) -> list[Json]:
    rows: list[Json] = []
    while True:
        params = {"perPage": 1000, "sort": "id", "skipTotal": 1, "fields": fields}
        if rows:
            params["filter"] = f'id > "{rows[-1]["id"]}"'
        page = await _ask(http, "GET", f"/api/collections/{collection}/records", params=params)
        rows += page["items"]
        if len(page["items"]) < 1000:
            return rows


async def _write(http: httpx.AsyncClient, collection: Collection, world: World, body: Json) -> Json:
    live = world.collections.get(collection.name)
    if live is None:
        return await _ask(http, "POST", "/api/collections", json=body)
    return await _ask(http, "PATCH", f"/api/collections/{live['id']}", json=body)


def _seeds(world: World, model: Model) -> list[tuple[Finding, str, str, Json]]:
    writes = []
    for name, rows in model.seeds.items():
        path = f"/api/collections/{name}/records"
        for record_id, row in rows.items():
            live = world.rows.get(name, {}).get(record_id)
            if live is None:
                new = {"id": record_id, **row, **(_meta({}) if name == "listener_meta" else {})}
                writes.append((Finding("+", f"{name}/{record_id}", "row"), "POST", path, new))
            elif name == "listener_meta" and (changed := _meta(live)):
                text = f"{', '.join(changed)} set"
                writes.append(
                    (Finding("~", f"{name}/{record_id}", text), "PATCH", f"{path}/{record_id}", changed)
                )
    return writes


def _meta(live: Json) -> Json:
    changed: Json = {} if (live.get("schema_version") or 0) >= VERSION else {"schema_version": VERSION}
    if not live.get("inst"):
        letters = string.ascii_lowercase + string.digits
        changed["inst"] = "".join(secrets.choice(letters) for _ in range(8))
    return changed


async def _account(http: httpx.AsyncClient, username: str, password: SecretStr) -> list[Finding]:
    path = f"/api/collections/{ACCOUNTS}/records"
    found = await _ask(http, "GET", path, params={"filter": f'username = "{username}"', "fields": "id"})
    secret = password.get_secret_value()
    body = {"username": username, "password": secret, "passwordConfirm": secret}
    if not found["items"]:
        await _ask(http, "POST", path, json=body)
        return [Finding("+", f"{ACCOUNTS}/{username}", "account")]
    if await _login(http, ACCOUNTS, username, password) is not None:
        return []
    await _ask(http, "PATCH", f"{path}/{found['items'][0]['id']}", json=body)
    return [Finding("~", f"{ACCOUNTS}/{username}", "password set; its tokens ended")]


async def _login(http: httpx.AsyncClient, collection: str, identity: str, password: SecretStr) -> str | None:
    answer = await transport.send(
        http,
        "POST",
        f"/api/collections/{quote(collection)}/auth-with-password",
        upstream="POCKETBASE",
        safe=True,
        json={"identity": identity, "password": password.get_secret_value()},
    )
    return str(answer.json()["token"]) if answer.status_code == 200 else None


async def _ask(http: httpx.AsyncClient, method: str, path: str, **options: Any) -> Json:
    answer = await transport.send(http, method, path, upstream="POCKETBASE", safe=method == "GET", **options)
    if answer.is_success:
        content: Json = answer.json()
        return content
    if answer.status_code in (401, 403):
        raise errors.Global(
            "POCKETBASE_SUPERUSER_NEEDED",
            f"{method} {path} is for superusers",
            why=f"HTTP {answer.status_code}: no superuser's token, or an expired one",
            fix="set POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD and run it again",
        )
    raise errors.UpstreamRefusal(
        "SCHEMA_REFUSED",
        f"PocketBase refused {method} {path}",
        status=answer.status_code,
        why=answer.text[:1000],
        fix="mend what it names, then run `cloudfreedom schema apply` again: it goes on where it stopped",
    )


def _with_templates(model: Model, templates: tuple[str, ...]) -> Model:
    stacks = next(c for c in model.collections if c.name == "agent_stacks")
    spec = stacks.fields["template"]
    values = list(dict.fromkeys((*spec["values"], *templates)))
    changed = stacks.model_copy(update={"fields": stacks.fields | {"template": spec | {"values": values}}})
    return model.model_copy(
        update={"collections": tuple(changed if c is stacks else c for c in model.collections)}
    )
