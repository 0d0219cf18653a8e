"""New clients of PocketBase for each process of a listener."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from listener.pocketbase.client import PocketBase
from listener.pocketbase.session import Session
from tests.handlers import upstream


@dataclass(frozen=True)
class Ways:
    """New clients of PocketBase, each with a session of its own."""

    home: upstream.Upstream
    tapped_http: httpx.AsyncClient
    calm_http: httpx.AsyncClient

    def tapped(self) -> PocketBase:
        """A listener's, with everything that goes wrong on the way."""
        return self._made(self.tapped_http)

    def calm(self) -> PocketBase:
        """The lease's, on which nothing goes wrong."""
        return self._made(self.calm_http)

    def _made(self, http: httpx.AsyncClient) -> PocketBase:
        session = Session(http=http, identity="listener", password=None, token=self.home.service_token)
        return PocketBase(http=http, session=session)
