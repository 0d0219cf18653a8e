"""Who we are to PocketBase: one token of the collection `listeners`, kept fresh, and proven on demand.

A dead token is no error to PocketBase: lists answer 200 with zero rows, reads 404, subscriptions 204 and
silence. Only `auth-refresh` tells (PocketBase 0.40.6: 401 dead, 403 another collection's, 404 no such
collection), so whoever believes in an absence asks `prove` first and afterwards.
"""

from __future__ import annotations

import base64
import binascii
import math
from datetime import datetime
from email.utils import parsedate_to_datetime

import anyio
import httpx
from pydantic import BaseModel, Field, SecretStr, ValidationError

from listener import errors, transport

COLLECTION = "listeners"
"""The auth collection of the service account; a superuser would bypass the rules that fence us in."""
THROTTLED_SECONDS = 2.0
"""PocketBase sends no Retry-After. Its limiter counts only what it lets through, so asking again is free."""


class _Record(BaseModel):
    collection: str = Field(alias="collectionName")


class _Granted(BaseModel):
    token: str
    record: _Record


class _Claims(BaseModel):
    exp: float
    refreshable: bool = True


class Session:
    """The token, and the one place that logs in; callers that need it at the same time share one login.

    `token` is used first, `password` when there is no token or it is dead.
    """

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        identity: str,
        password: SecretStr | None,
        token: SecretStr | None,
    ) -> None:
        self._http = http
        self._identity = identity
        self._password = password
        self._token = token.get_secret_value() if token else ""
        self._refresh_at = -math.inf
        self._turn = anyio.Lock()
        self.logins = 0
        """Logins so far. If it moved between two proofs, a dead token may have been used in between."""

    async def headers(self) -> dict[str, str]:
        """The Authorization with a token in the first half of its life; raises like `prove`."""
        if self._is_due():
            async with self._turn:
                if self._is_due():
                    await self._prove()
        return {"Authorization": self._token}

    async def prove(self) -> None:
        """PocketBase said just now that we are a living member of `listeners`; the token is a new one.

        A dead token is replaced by one login when the password is known. Raises `Global`
        (`CREDENTIALS_REFUSED`, `WRONG_COLLECTION`, `IDENTITY_COLLECTION_MISSING`, `POCKETBASE_UNEXPECTED`),
        `Throttled`, or `UpstreamUnavailable`.
        """
        async with self._turn:
            await self._prove()

    def _is_due(self) -> bool:
        return not self._token or anyio.current_time() >= self._refresh_at

    async def _prove(self) -> None:
        if not self._token:
            await self._login(why="there is no POCKETBASE_TOKEN")
        answer = await self._ask("auth-refresh", token=self._token)
        if answer.status_code == 401:
            await self._login(why="the token is not accepted any more")
            answer = await self._ask("auth-refresh", token=self._token)
        self._keep(answer)

    async def _login(self, *, why: str) -> None:
        if self._password is None:
            raise _refused(f"{why}, and without POCKETBASE_PASSWORD there is no way to log in")
        credentials = {"identity": self._identity, "password": self._password.get_secret_value()}
        answer = await self._ask("auth-with-password", json=credentials)
        if answer.status_code in {400, 401, 403}:
            raise _refused(f"{why}, and the login as {self._identity!r} answered HTTP {answer.status_code}")
        self._keep(answer)
        self.logins += 1

    async def _ask(
        self, action: str, *, token: str = "", json: dict[str, str] | None = None
    ) -> httpx.Response:
        answer = await transport.send(
            self._http,
            "POST",
            f"/api/collections/{COLLECTION}/{action}",
            upstream="POCKETBASE",
            safe=True,
            json=json,
            headers={"Authorization": token} if token else None,
        )
        if answer.status_code == 429:
            raise throttled(answer)
        return answer

    def _keep(self, answer: httpx.Response) -> None:
        if answer.status_code != 200:
            raise _unproven(answer)
        try:
            granted = _Granted.model_validate_json(answer.content)
            claims = _Claims.model_validate_json(_payload(granted.token))
        except (ValidationError, binascii.Error) as error:
            raise unreadable(answer) from error
        if granted.record.collection != COLLECTION:
            raise _wrong_collection(f"it is of {granted.record.collection!r}")
        self._token = granted.token
        # An impersonation token cannot be renewed: auth-refresh answers the same one.
        half = (claims.exp - _server_time(answer)) / 2 if claims.refreshable else math.inf
        self._refresh_at = anyio.current_time() + half


def throttled(answer: httpx.Response) -> errors.Throttled:
    """The error of a 429: PocketBase's own rate limiter is on and had enough of this address."""
    return errors.Throttled(
        "POCKETBASE_THROTTLED",
        f"PocketBase's rate limiter refused {answer.request.method} {answer.request.url.path}",
        after=THROTTLED_SECONDS,
        why="too many requests from this address in a short time",
        fix="nothing to do; to go faster, exclude the listener's address in PocketBase's rate limit settings",
    )


def unreadable(answer: httpx.Response) -> errors.UpstreamUnavailable:
    """The error of a body that is not what PocketBase answers."""
    return errors.UpstreamUnavailable(
        "POCKETBASE_UNREADABLE",
        f"the answer to {answer.request.method} {answer.request.url.path} cannot be read",
        why=f"HTTP {answer.status_code} with a body that PocketBase does not send",
        fix="check POCKETBASE_URL and whatever stands between; the listener tries again by itself",
    )


def _payload(token: str) -> bytes:
    parts = token.split(".")
    return base64.urlsafe_b64decode(parts[1] + "===" if len(parts) == 3 else "")


def _server_time(answer: httpx.Response) -> float:
    """Seconds since 1970 on PocketBase's clock, so that ours may be wrong."""
    sent = answer.headers.get("Date")
    return (parsedate_to_datetime(sent) if sent else datetime.now().astimezone()).timestamp()


def _refused(why: str) -> errors.Global:
    return errors.Global(
        "CREDENTIALS_REFUSED",
        "PocketBase does not know the listener any more",
        why=why,
        fix="check POCKETBASE_IDENTITY and POCKETBASE_PASSWORD (or POCKETBASE_TOKEN), then run "
        "`cloudfreedom schema apply`, which creates the account and sets its password",
    )


def _wrong_collection(why: str) -> errors.Global:
    return errors.Global(
        "WRONG_COLLECTION",
        f"the token is not one of an account in {COLLECTION!r}",
        why=f"{why}; a superuser would bypass the rules that keep two listeners apart",
        fix="set POCKETBASE_IDENTITY and POCKETBASE_PASSWORD to the listener's own account, "
        "or POCKETBASE_TOKEN to a token of it",
    )


def _unproven(answer: httpx.Response) -> errors.Global:
    if answer.status_code == 403:
        return _wrong_collection("PocketBase answered HTTP 403 to auth-refresh")
    if answer.status_code == 401:
        return _refused("a token from a login of just now is not accepted")
    if answer.status_code == 404:
        return errors.Global(
            "IDENTITY_COLLECTION_MISSING",
            f"PocketBase has no collection {COLLECTION!r}",
            why=f"{answer.request.url.path} answered HTTP 404: never created, or renamed",
            fix="check POCKETBASE_URL, then run `cloudfreedom schema apply`",
        )
    return unexpected(answer)


def unexpected(answer: httpx.Response) -> errors.Global:
    """The error of a status that PocketBase never answers with, such as a redirect."""
    return errors.Global(
        "POCKETBASE_UNEXPECTED",
        f"{answer.request.url.path} answered HTTP {answer.status_code}",
        why="PocketBase does not answer so: the address may be another program's, or redirect",
        fix="check POCKETBASE_URL",
    )
