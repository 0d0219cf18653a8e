"""Who may log in, who is staff, and who may apply a schema."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from listener import errors
from listener.pocketbase import schema
from tests import fixtures, portal
from tests.fixtures import IDENTITY, SERVICE_PASSWORD
from tests.pocketbase.conftest import Production, apply, rows


async def test_nobody_makes_himself_staff(applied: Production) -> None:
    url = applied.server.url
    secret = {"password": portal.PASSWORD, "passwordConfirm": portal.PASSWORD}
    async with fixtures.plain(url) as guest:
        path = "/api/collections/users/records"
        row = {"email": "new@acme.example.org", "cf_role": "staff", **secret}
        assert (await guest.post(path, json=row)).status_code == 400
        assert (await guest.post(path, json=row | {"cf_role": ""})).status_code == 200
    owner = applied.owner
    (own,) = await rows(owner, "users")
    for body in ({"cf_role": "staff"}, {"cf_role+": "staff"}, {"+cf_role": "staff"}):
        await owner.patch(f"{path}/{own}", json=body)
    assert (await owner.patch(f"{path}/{own}", json={"cf_role": "staff"})).status_code == 404
    assert (await owner.patch(f"{path}/{own}", json={"name": "A", "cf_role": ""})).status_code == 200
    assert (await applied.admin.get(f"{path}/{own}")).json()["cf_role"] == ""


async def test_a_password_is_written_only_where_a_login_fails(applied: Production) -> None:
    url, secret = applied.server.url, SERVICE_PASSWORD.get_secret_value()
    async with fixtures.signed_in(url, "listeners", IDENTITY, secret) as service:
        refresh = "/api/collections/listeners/auth-refresh"
        await apply(applied.admin)
        assert (await service.post(refresh)).status_code == 200
        done = await apply(applied.admin, password=SecretStr("another-fake-password"))
        assert [str(f) for f in done if f.changes] == [
            f"~ listeners/{name}: password set; its tokens ended" for name in (IDENTITY, "cli")
        ]
        assert (await service.post(refresh)).status_code == 401


async def test_only_a_superuser_may_look_or_apply(production: Production) -> None:
    async with fixtures.plain(production.server.url) as http:
        with pytest.raises(errors.Global, match="POCKETBASE_SUPERUSER_REFUSED"):
            await schema.superuser(http, "nobody@example.org", SecretStr("fake-password"))
        with pytest.raises(errors.Global, match="POCKETBASE_SUPERUSER_NEEDED"):
            await schema.diff(http, rules=False)
