"""The ways an alert travels: a JSON webhook for http(s) addresses, Apprise for every other kind."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import anyio.to_thread
import httpx

from listener import errors
from listener.alerts.message import Message

SECONDS = 10.0
"""How long one delivery may take."""


class Channel(Protocol):
    """One address."""

    @property
    def name(self) -> str:
        """The address without anything secret."""
        ...

    async def send(self, message: Message) -> None:
        """It was accepted; raises `ALERT_NOT_DELIVERED` otherwise."""
        ...


@dataclass(frozen=True)
class Webhook:
    """A JSON document is posted; any 2xx is an acceptance."""

    url: str

    @property
    def name(self) -> str:
        """Scheme and host: paths of webhooks are secrets."""
        return _host(self.url)

    async def send(self, message: Message) -> None:
        """It was accepted; raises `ALERT_NOT_DELIVERED` otherwise."""
        try:
            async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as http:
                answer = await http.post(self.url, json=message.json())
        except httpx.HTTPError as error:
            raise not_delivered(self.name, type(error).__name__) from error
        if not answer.is_success:
            raise not_delivered(self.name, f"HTTP {answer.status_code}")


@dataclass(frozen=True)
class Apprise:
    """Mail, chat and so on through the package `apprise`, in a thread."""

    url: str

    @property
    def name(self) -> str:
        """The scheme: what follows it holds tokens."""
        return f"{self.url.partition(':')[0]}://…"

    async def send(self, message: Message) -> None:
        """It was accepted; raises `ALERT_NOT_DELIVERED` otherwise."""
        with anyio.move_on_after(3 * SECONDS):
            if await anyio.to_thread.run_sync(self._notify, message, abandon_on_cancel=True):
                return
        raise not_delivered(self.name, "Apprise reports no success")

    def _notify(self, message: Message) -> bool:
        apprise: Any = importlib.import_module("apprise")
        sender = apprise.Apprise()
        return bool(sender.add(self.url) and sender.notify(title=message.subject, body=message.body))


def channels(urls: Sequence[str]) -> tuple[Channel, ...]:
    """A channel for each address; raises `ALERT_URL_INVALID` for one that could never work here."""
    return tuple(map(_channel, urls))


def not_delivered(name: str, why: str) -> errors.Transient:
    """The error of a delivery that was not accepted."""
    return errors.Transient(
        "ALERT_NOT_DELIVERED",
        f"{name} did not accept the alert",
        why=why,
        fix="`cloudfreedom alerts test` shows each address; it is tried again by itself",
    )


def _channel(url: str) -> Channel:
    scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    if scheme in ("http", "https") and host:
        return Webhook(url)
    if not scheme:
        raise _invalid(
            "an address has no scheme", "begin it with https:// for a webhook, or as Apprise has it"
        )
    if importlib.util.find_spec("apprise") is None:
        raise _invalid(
            f"{scheme}:// needs Apprise, which is not installed",
            "install the package with its extra `apprise`, or use an https:// webhook",
        )
    if not importlib.import_module("apprise").Apprise().add(url):
        raise _invalid(
            f"Apprise does not understand the {scheme}:// address", "see Apprise's own documentation"
        )
    return Apprise(url)


def _invalid(why: str, fix: str) -> errors.Refusal:
    return errors.Refusal("ALERT_URL_INVALID", "ALERT_URLS cannot be used.", why=why, fix=fix)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/…"
