"""The witness: one method, which never fails and never takes longer than its pace and its time allow."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable

import anyio

from listener.probe import exchange, verdict
from listener.probe.address import Address, is_name
from listener.probe.pace import Pace

SECONDS = 5.0
"""From connecting to the last byte that counts; the second connection (see `exchange.ask`) included."""
PATH = re.compile(r"/[!-~]{0,255}")


class Probe:
    """Asks the doors of stacks whether anybody is at home. One for all stacks: they share its pace."""

    def __init__(self, *, clock: Callable[[], float], trust: ssl.SSLContext, seconds: float) -> None:
        self._clock = clock
        self._trust = trust
        self._seconds = seconds
        self._pace = Pace(clock=clock)

    async def look(
        self, address: Address | None, host: str, path: str, *, is_tls: bool = True
    ) -> verdict.Verdict:
        """What `host` answers on `path` at the server `address` (None = Coolify shows no usable one).

        `host` is a stack's domain without scheme and port, `path` its template's health path; what is not
        fit to be sent is not sent. Raises nothing; waits for its turn, then `seconds` at most.
        """
        unfit = _unfit(address, host, path)
        if address is None or unfit:
            return verdict.Verdict(verdict.Word.UNKNOWN, f"not asked: {unfit}", self._clock())
        question = exchange.Question(address, host.lower(), path, is_tls)
        await self._pace.turn()
        requested_at = self._clock()
        try:
            with anyio.fail_after(self._seconds):
                return await exchange.ask(question, trust=self._trust, requested_at=requested_at)
        except OSError as error:
            return verdict.silence(error, requested_at=requested_at)


def _unfit(address: Address | None, host: str, path: str) -> str:
    """Why this question cannot be asked; "" if it can."""
    if address is None:
        return "Coolify shows no usable address of the server"
    if not is_name(host.lower()) or "." not in host:
        return "the domain is not a host name"
    if not PATH.fullmatch(path):
        return "the health path is not a path"
    return ""
