"""The people of the demo: a tenant's user as the portal acts for them, and staff in the admin UI.

Both write through PocketBase's HTTP API only, exactly what their clients would write.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from listener import errors

BOT_TOKEN = "1234567890:FAKE-sandbox-token-for-the-demo-only0"  # noqa: S105 - a made-up token
EMAIL = "owner@acme.example"


def bot_token(number: int) -> str:
    """A made-up token of another bot for each number below a thousand: no two stacks may have the same."""
    return BOT_TOKEN.replace("1234567890", f"1234567{number:03d}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a client of their own to PocketBase."""

    http: httpx.AsyncClient = field(repr=False)
    tenant_id: str
    email: str
    password: str = field(repr=False)

    async def create_stack(self, name: str, *, token: str = BOT_TOKEN) -> str:
        """The record id of a new stack, written as the portal's dialog writes a Telegram bot."""
        body = {
            "tenant_id": self.tenant_id,
            "template": "telegram-bot",
            "stack_name": name,
            "domain": None,
            "status": "pending",
            "config": {"env_vars": {"TELEGRAM_BOT_TOKEN": token, "OPENAI_API_KEY": "sk-sandbox-not-a-key"}},
        }
        return str((await ask(self.http, "POST", "/api/collections/agent_stacks/records", body))["id"])

    async def change_stack(self, record_id: str, **fields: Any) -> None:
        """These fields are stored on the stack's record."""
        await ask(self.http, "PATCH", f"/api/collections/agent_stacks/records/{record_id}", fields)

    async def remove_stack(self, record_id: str) -> None:
        """The stack's record is gone from PocketBase."""
        await ask(self.http, "DELETE", f"/api/collections/agent_stacks/records/{record_id}")


@asynccontextmanager
async def owner(admin: httpx.AsyncClient, url: str) -> AsyncIterator[Person]:
    """The owner of the demo tenant `acme`, who is made with it if missing, signed in like the portal."""
    password = secrets.token_urlsafe(12)
    user = await _first(admin, "users", f"email='{EMAIL}'")
    body = {
        "email": EMAIL,
        "password": password,
        "passwordConfirm": password,
        "name": "Ada",
        "verified": True,
    }
    if user is None:
        user = await ask(admin, "POST", "/api/collections/users/records", body)
    else:
        await ask(admin, "PATCH", f"/api/collections/users/records/{user['id']}", body)
    tenant = await _first(admin, "tenants", "slug='acme'") or await ask(
        admin,
        "POST",
        "/api/collections/tenants/records",
        {
            "name": "Acme",
            "slug": "acme",
            "type": "demo",
            "status": "active",
            "plan_tier": "team",
            "owners": [user["id"]],
        },
    )
    async with httpx.AsyncClient(base_url=url, timeout=10.0) as http:
        sign_in = {"identity": EMAIL, "password": password}
        token = (await ask(http, "POST", "/api/collections/users/auth-with-password", sign_in))["token"]
        http.headers["Authorization"] = token
        yield Person(http, tenant["id"], EMAIL, password)


async def ask(http: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    """The JSON of an answer below 300; anything else is an error that names the call."""
    answer = await http.request(method, path, json=body)
    if answer.status_code >= 300:
        raise errors.UpstreamRefusal(
            "SANDBOX_REFUSED",
            f"{method} {path} was answered with {answer.status_code}",
            status=answer.status_code,
            why=answer.text[:500],
        )
    return answer.json() if answer.content else {}


async def _first(http: httpx.AsyncClient, collection: str, filter_text: str) -> Any:
    rows = (await ask(http, "GET", f"/api/collections/{collection}/records?filter={filter_text}"))["items"]
    return rows[0] if rows else None
