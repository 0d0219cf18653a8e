"""One running PocketBase that tests share: the tokens to it, and how it is emptied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from listener.sandbox import pocketbase
from tests import fixtures
from tests.handlers import lean

COLLECTIONS = (
    "agent_stacks",
    "tenants",
    "listener_ledger",
    "stack_operations",
    "stack_secrets",
    "stack_schedules",
    "listener_tombstones",
)
PLAIN = False
"""No certificates: reading the authorities takes longer than a test's set-up."""


@dataclass(frozen=True)
class Upstream:
    """Where it is, and two tokens: logging in costs more than most tests."""

    url: str
    admin_token: str
    service_token: SecretStr

    @classmethod
    async def of(cls, server: pocketbase.Server) -> Upstream:
        """The tokens of a running PocketBase that was prepared for tests; it believes what `Lean` says."""
        password = fixtures.SERVICE_PASSWORD.get_secret_value()
        async with (
            fixtures.superuser(server) as admin,
            fixtures.signed_in(server.url, "listeners", fixtures.IDENTITY, password) as service,
        ):
            believed = await admin.patch("/api/settings", json={"trustedProxy": {"headers": [lean.ADDRESS]}})
            assert believed.status_code == 200, believed.text
            await fixtures.unlimited(admin)
            tokens = [str(http.headers["Authorization"]) for http in (admin, service)]
        return cls(server.url, tokens[0], SecretStr(tokens[1]))

    @asynccontextmanager
    async def administered(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that speaks as the superuser."""
        headers = {"Authorization": self.admin_token}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, verify=PLAIN, timeout=30) as http:
            yield http


async def empty(admin: httpx.AsyncClient) -> None:
    """No tenant, no stack, nothing remembered."""
    for collection in COLLECTIONS:
        answer = await admin.delete(f"/api/collections/{collection}/truncate")
        assert answer.status_code == 204, answer.text
