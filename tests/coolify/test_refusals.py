"""What a refusal means: for one record, or for everything; and what people read of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from listener import errors
from listener.coolify import payloads, refusals, versions
from tests.coolify.conftest import Rig

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"message": "Validation failed.", "errors": {"a": ["x", "y"], "b": ["z"]}}, "a: x; a: y; b: z"),
        ({"message": "Validation failed.", "errors": {"urls.0.name": "required"}}, "urls.0.name: required"),
        ({"message": "Validation failed.", "errors": ["Invalid URL: x"]}, "Invalid URL: x"),
        ({"message": "Domain conflicts", "conflicts": [{"domain": "d", "resource_name": "r"}, "odd"]},
         "domain d is held by r"),
        ({"message": "Project not found."}, "Project not found."),
        ({"error": "odd"}, "odd"),
        ({}, "no readable reason"),
        ("text", "no readable reason"),
        (None, "no readable reason"),
    ],
    ids=["lists", "texts", "bare-list", "conflicts", "message", "error", "empty", "text", "none"],
)  # fmt: skip
def test_every_shape_of_a_refusal_becomes_one_text(body: Any, text: str) -> None:
    assert payloads.flatten(body) == text


GLOBAL = [
    (401, {"message": "Unauthenticated."}, "COOLIFY_TOKEN_REFUSED"),
    (400, {"message": "Invalid token."}, "COOLIFY_TOKEN_REFUSED"),
    (403, {"success": True, "message": "API is disabled."}, "COOLIFY_API_DISABLED"),
    (403, {"success": True, "message": "You are not allowed to access the API."}, "COOLIFY_ADDRESS_REFUSED"),
    (403, {"message": "Missing required permissions: deploy"}, "COOLIFY_ABILITY_MISSING"),
    (403, {"message": "Missing required team role."}, "COOLIFY_ROLE_MISSING"),
    (403, {"message": "Something new."}, "COOLIFY_FORBIDDEN"),
    (405, {"message": "This endpoint has moved to POST."}, "COOLIFY_OTHER_DIALECT"),
    (302, {}, "COOLIFY_OTHER_DIALECT"),
]
RECORDS = [
    (400, {"message": "Server has no destinations."}, "COOLIFY_REFUSED"),
    (404, {"message": "Project not found."}, "COOLIFY_NOT_FOUND"),
    (409, {"message": "Domain conflicts"}, "COOLIFY_CONFLICT"),
    (422, {"errors": ["no"]}, "COOLIFY_REFUSED"),
]


@pytest.mark.parametrize(("status", "body", "code"), GLOBAL, ids=[f"{s}-{c}" for s, _, c in GLOBAL])
def test_what_is_wrong_for_every_key_stops_everything(status: int, body: Any, code: str) -> None:
    error = refusals.refusal("GET /x", httpx.Response(status, json=body))
    assert isinstance(error, errors.Global)
    assert error.code == code
    assert error.fix


@pytest.mark.parametrize(("status", "body", "code"), RECORDS, ids=[str(s) for s, _, _ in RECORDS])
def test_what_is_wrong_with_one_record_ends_with_its_edit(status: int, body: Any, code: str) -> None:
    error = refusals.refusal("POST /x", httpx.Response(status, json=body))
    assert isinstance(error, errors.UpstreamRefusal)
    assert (error.code, error.status) == (code, status)
    assert error.why == payloads.flatten(body)


def test_a_refusal_that_is_not_json_is_one_all_the_same() -> None:
    error = refusals.refusal("POST /x", httpx.Response(422, text="<html>"))
    assert isinstance(error, errors.UpstreamRefusal)
    assert error.why == "no readable reason"


async def test_the_standins_doors_are_told_apart(rig: Rig) -> None:
    rows, user = rig.standin.world, rig.standin.user
    member = rows.add_user(rig.standin.team, role="member")
    rows.add_token("2|fake-member", member, ("read", "write", "deploy"))
    rows.add_token("3|fake-reader", user, ("read",))
    rows.add_token("4|fake-expired", user, expired=True)
    codes = {}
    for token in ("2|fake-member", "3|fake-reader", "4|fake-expired", "5|fake-stranger"):
        async with rig.another(token) as coolify:
            with pytest.raises(errors.Global) as caught:
                await coolify.create_project("cf-p", "")
            codes[token] = caught.value.code
    rows.enabled = False
    with pytest.raises(errors.Global) as caught:
        await rig.coolify.servers()
    assert [*codes.values(), caught.value.code] == [
        "COOLIFY_ROLE_MISSING", "COOLIFY_ABILITY_MISSING", "COOLIFY_TOKEN_REFUSED", "COOLIFY_TOKEN_REFUSED",
        "COOLIFY_API_DISABLED",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "version"),
    [("4.3.10", (4, 3, 10)), (" v4.2.0\n", (4, 2, 0)), ("4.0.0-beta.1", None), ("<html>", None)],
)
def test_versions_are_three_numbers_or_none(text: str, version: tuple[int, int, int] | None) -> None:
    assert versions.parse(text) == version
    assert version is None or version >= versions.FLOOR
