"""Who calls: somebody else's token, forwarded as it came, never renewed, kept or logged."""

from __future__ import annotations

import re

import httpx
from starlette.exceptions import HTTPException

from listener import errors, transport
from listener.pocketbase import session as sessions

COLLECTION = "users"
"""The auth collection of the portal's users; a superuser's or the listener's own token is refused."""
TOKEN = re.compile(r"(?:bearer +)?([\w.-]{1,4096})", re.IGNORECASE | re.ASCII)
"""PocketBase takes its tokens with and without `Bearer` (0.40.6)."""


class Caller(sessions.Session):
    """A session that cannot log in: the token lives as long as the request that brought it."""

    def __init__(self, *, http: httpx.AsyncClient, authorization: str) -> None:
        super().__init__(http=http, identity="", password=None, token=None)
        found = TOKEN.fullmatch(authorization.strip())
        self._forwarded = found[1] if found else ""
        self.user_id = ""
        """Known after `prove`."""

    async def headers(self) -> dict[str, str]:
        """The caller's own Authorization."""
        return {"Authorization": self._forwarded}

    async def prove(self) -> None:
        """PocketBase said just now that the token is a living one of `users`; `user_id` is whose.

        Lists answer 200 with zero rows to a dead token, only auth-refresh says 401 (PocketBase 0.40.6). The
        token it returns is thrown away. Raises `HTTPException` 401 or 403, `Throttled`, or
        `UpstreamUnavailable`.
        """
        if not self._forwarded:
            raise _unknown("Sign in first: the Authorization header holds no token.")
        answer = await transport.send(
            self._http,
            "POST",
            f"/api/collections/{COLLECTION}/auth-refresh",
            upstream="POCKETBASE",
            safe=True,
            headers=await self.headers(),
        )
        match answer.status_code:
            case 200:
                self.user_id = _user_id(answer)
            case 401:
                raise _unknown("Sign in again: this session has ended.")
            case 403:
                raise HTTPException(403, "Only users of the portal may call this.")
            case 429:
                raise sessions.throttled(answer)
            case status:
                raise errors.Global(
                    "PORTAL_USERS_UNREADABLE",
                    f"auth-refresh of {COLLECTION!r} answered HTTP {status}",
                    why="the portal's users are in another collection, or PocketBase is not at this address",
                    fix="check POCKETBASE_URL and the collection `users`",
                )


def _user_id(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["record"]["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise sessions.unreadable(answer) from error


def _unknown(text: str) -> HTTPException:
    return HTTPException(401, text, headers={"WWW-Authenticate": "Bearer"})
