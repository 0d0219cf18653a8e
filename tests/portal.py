"""A database as the portal's own setup script leaves it: what `schema apply` meets in production."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "fake-portal-password"
SIGNED_IN = '@request.auth.id != ""'
OWNER = "@request.auth.id = tenant_id.user_id"

TENANTS = ("acme", "bolt", "void")
"""Slugs; `void` has no owner."""

STACKS = (
    ("acme", "telegram-bot", "cf-telegrambot-acme-1001", "running"),
    ("acme", "openclaw-agent", "cf-openclawagent-acme-1002", "pending"),
    ("acme", "base-llm", "cf-basellm-acme-1003", "stopped"),
    ("bolt", "telegram-bot", "cf-telegrambot-bolt-2001", "running"),
    ("bolt", "base-llm", "cf-basellm-bolt-2002", "error"),
    ("void", "telegram-bot", "cf-telegrambot-void-3001", "running"),
    ("void", "openclaw-agent", "cf-openclawagent-void-3002", "deploying"),
)
"""Tenant, template, stack_name, status."""


@dataclass(frozen=True)
class Portal:
    """Ids of what was built: slug -> tenant, slug -> its user, stack_name -> stack."""

    tenants: dict[str, str]
    users: dict[str, str]
    stacks: dict[str, str]


async def build(admin: httpx.AsyncClient, *, user_id: bool) -> Portal:
    """Collections, three tenants, a user for each tenant but `void`, seven stacks; `admin` is a superuser.

    Without `user_id` a tenant names no user, and every signed-in user may do everything with stacks.
    """
    await collections(admin, user_id=user_id)
    tenants, users = {}, {}
    for slug in TENANTS:
        if slug != "void":
            users[slug] = await user(admin, email(slug))
        tenants[slug] = await tenant(admin, slug, owner=users.get(slug) if user_id else None)
    stacks = {}
    for slug, template, name, status in STACKS:
        uuid = f"uuid-{name}" if status == "running" else ""
        row = payload(tenants[slug], template, name) | {"status": status, "coolify_service_uuid": uuid}
        stacks[name] = (await add(admin, "agent_stacks", row))["id"]
    return Portal(tenants, users, stacks)


async def collections(admin: httpx.AsyncClient, *, user_id: bool) -> None:
    """`tenants` and `agent_stacks` with the fields and rules of the setup script, and no rows."""
    users = (await admin.get("/api/collections/users")).json()["id"]
    owner = [{"name": "user_id", "type": "relation", "collectionId": users, "maxSelect": 1}]
    body = {
        "name": "tenants",
        "type": "base",
        "listRule": SIGNED_IN,
        "viewRule": SIGNED_IN,
        "fields": [*_TENANT_FIELDS, *(owner if user_id else []), *_STAMPS],
        "indexes": ["CREATE UNIQUE INDEX idx_slug ON tenants (slug)"],
    }
    made = await _made(admin.post("/api/collections", json=body))
    rule = OWNER if user_id else SIGNED_IN
    relation = {"name": "tenant_id", "type": "relation", "collectionId": made["id"], "maxSelect": 1}
    relation |= {"required": True, "cascadeDelete": True}
    body = {"name": "agent_stacks", "type": "base", "fields": [relation, *_STACK_FIELDS]}
    body |= {f"{act}Rule": rule for act in ("list", "view", "create", "update", "delete")}
    await _made(admin.post("/api/collections", json=body))


async def user(admin: httpx.AsyncClient, address: str, **more: Any) -> str:
    """A portal user's id; the password is `PASSWORD`."""
    row = {"email": address, "password": PASSWORD, "passwordConfirm": PASSWORD, **more}
    return str((await add(admin, "users", row))["id"])


async def tenant(admin: httpx.AsyncClient, slug: str, *, owner: str | None = None, **more: Any) -> str:
    """An active tenant's id; `owner` is the user in `user_id`."""
    row = {"name": slug.title(), "slug": slug, "type": "public", "status": "active", **more}
    return str((await add(admin, "tenants", row | ({"user_id": owner} if owner else {})))["id"])


async def add(http: httpx.AsyncClient, collection: str, row: dict[str, Any]) -> dict[str, Any]:
    """The record as PocketBase made it; asserts that it did."""
    return await _made(http.post(f"/api/collections/{collection}/records", json=row))


def payload(tenant_id: str, template: str, name: str) -> dict[str, Any]:
    """What the portal's dialog posts with its user's token, for each of its three templates."""
    keys = {
        "telegram-bot": {"TELEGRAM_BOT_TOKEN": "fake-token", "OPENAI_API_KEY": "fake-key"},
        "openclaw-agent": {"OPENAI_API_KEY": "fake-key", "ANTHROPIC_API_KEY": "", "TELEGRAM_BOT_TOKEN": ""},
        "base-llm": {"API_KEY": "fake-key", "MODEL_PROVIDER": "openai"},
    }
    domain = None if template == "telegram-bot" else f"{name}.example.org"
    row = {"tenant_id": tenant_id, "template": template, "stack_name": name, "domain": domain}
    return row | {"status": "pending", "config": {"env_vars": keys[template]}}


def email(slug: str) -> str:
    """The address of a tenant's user."""
    return f"owner@{slug}.example.org"


async def _made(call: Any) -> dict[str, Any]:
    answer: httpx.Response = await call
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _select(name: str, *values: str, required: bool = False) -> dict[str, Any]:
    return {"name": name, "type": "select", "maxSelect": 1, "values": values, "required": required}


_STAMPS = [
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
_TENANT_FIELDS = [
    {"name": "name", "type": "text", "required": True},
    {"name": "slug", "type": "text", "required": True, "pattern": "^[a-z0-9-]+$"},
    {"name": "domain", "type": "text"},
    _select("type", "internal", "demo", "public", "enterprise", "dev", required=True),
    _select("status", "active", "inactive", "pending", required=True),
    {"name": "max_stacks", "type": "number", "min": 0, "max": 1000},
    _select("plan_tier", "starter", "team", "business", "sovereign"),
]
_STACK_FIELDS = [
    _select("template", "openclaw-agent", "telegram-bot", "base-llm", required=True),
    {"name": "stack_name", "type": "text", "required": True},
    {"name": "coolify_project_uuid", "type": "text"},
    {"name": "coolify_service_uuid", "type": "text"},
    {"name": "domain", "type": "text"},
    _select("status", "pending", "deploying", "running", "stopped", "error", required=True),
    {"name": "config", "type": "json"},
    {"name": "resource_limits", "type": "json"},
    {"name": "last_health_check", "type": "date"},
    {"name": "error_message", "type": "text"},
]
