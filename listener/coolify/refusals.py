"""What a refusal of Coolify means: for this record, or for everything. Decided by status first, text second.

Two of its 403 bodies say `success: true` (4.3.10), so no body is trusted to tell success.
"""

from __future__ import annotations

from typing import Any

import httpx

from listener import errors
from listener.coolify import payloads

FORBIDDEN = (
    (
        "API is disabled",
        "COOLIFY_API_DISABLED",
        "the API is switched off",
        "switch it on in Coolify: Settings → Advanced → API access",
    ),
    (
        "not allowed to access",
        "COOLIFY_ADDRESS_REFUSED",
        "this host's address is not on the API's allow-list",
        "add it in Coolify: Settings → Advanced → Allowed IPs for API access",
    ),
    (
        "Missing required permissions",
        "COOLIFY_ABILITY_MISSING",
        "the token lacks an ability",
        "make a token with read, write and deploy (tick deploy first) and set COOLIFY_TOKEN",
    ),
    (
        "Missing required team role",
        "COOLIFY_ROLE_MISSING",
        "the token's user is only a member of the team",
        "make its user admin or owner of the team",
    ),
)
"""(part of the text, code, why, what to do) of Coolify's 403 answers."""


def refusal(what: str, answer: httpx.Response) -> errors.ListenerError:
    """The error that an answer of 3xx or 4xx (other than 429) means."""
    status = answer.status_code
    body = _body(answer)
    text = payloads.flatten(body)
    if status == 401 or (status == 400 and "Invalid token" in text):
        return errors.Global(
            "COOLIFY_TOKEN_REFUSED",
            f"{what} was refused: {status}",
            why="the token is wrong, expired, or its user left the team",
            fix="make a new token in Coolify (Keys & Tokens → API tokens) and set COOLIFY_TOKEN",
        )
    if status == 403:
        return _forbidden(what, text)
    if status == 405 or 300 <= status < 400:
        return errors.Global(
            "COOLIFY_OTHER_DIALECT",
            f"{what} was answered with {status}",
            why="COOLIFY_URL points at something else, at a redirect, or at a version that was not tested",
            fix="set COOLIFY_URL to Coolify's own address without /api/v1; see `cloudfreedom doctor`",
        )
    code = {404: "COOLIFY_NOT_FOUND", 409: "COOLIFY_CONFLICT"}.get(status, "COOLIFY_REFUSED")
    return errors.UpstreamRefusal(
        code,
        f"{what} was refused by Coolify: {status}",
        status=status,
        why=text[:1500],
        fix="edit the record; the next change is tried at once",
    )


def _forbidden(what: str, text: str) -> errors.Global:
    for part, code, why, fix in FORBIDDEN:
        if part in text:
            return errors.Global(code, f"{what} was refused: 403", why=f"{why} ({text})", fix=fix)
    return errors.Global(
        "COOLIFY_FORBIDDEN",
        f"{what} was refused: 403",
        why=text,
        fix="check the token's abilities and its user's role in Coolify",
    )


def _body(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
