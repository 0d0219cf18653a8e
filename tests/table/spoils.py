"""Judges of requests: the faults of the table that are met on the wire."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.crashpoints import gate as gates
from tests.crashpoints.gate import Fate, Judge, Request

BODY = b'{"message":"Server Error"}'


def answer(status: int, *, after: int | None = None) -> bytes:
    """An HTTP answer with that status, and `Retry-After` if told."""
    retry = f"Retry-After: {after}\r\n" if after is not None else ""
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{retry}Content-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


def passes(_: Request) -> Fate:
    """Nothing is spoiled."""
    return gates.PASSES


def is_create(request: Request) -> bool:
    """It asks for a new service."""
    return request.method == "POST" and request.path.endswith("/services")


def at_create(number: int, deed: Callable[[], None]) -> Judge:
    """The create of that number is carried out, and at its answer, which is lost, the deed is done."""
    seen = 0

    def judge(request: Request) -> Fate:
        nonlocal seen
        seen += is_create(request)
        return Fate(lost=True, then=deed) if is_create(request) and seen == number else gates.PASSES

    return judge


def creates_fail(dice: random.Random, *, refused: float, lost: float) -> Judge:
    """That share of creates meets a 500 that did nothing; that share is carried out and its answer lost."""

    def judge(request: Request) -> Fate:
        roll = dice.random() if is_create(request) else 1.0
        if roll < refused:
            return Fate(forwarded=False, reply=answer(500))
        return Fate(lost=True) if roll < refused + lost else gates.PASSES

    return judge


def soup(dice: random.Random, share: float) -> Judge:
    """That share each of requests is refused with 500, lost after it was carried out, throttled, slow."""

    def judge(_: Request) -> Fate:
        fates = [
            Fate(forwarded=False, reply=answer(500)),
            Fate(lost=True),
            Fate(forwarded=False, reply=answer(429, after=1)),
            Fate(delay=1.0),
        ]
        roll = int(dice.random() / share)
        return fates[roll] if roll < len(fates) else gates.PASSES

    return judge


@dataclass
class Throttle:
    """So many requests a window, then 429 until it is over."""

    limit: int
    window: float
    refused: int = 0
    passed: int = 0
    _ends: float = field(default=0.0)
    _left: int = 0

    def judge(self, _: Request) -> Fate:
        """The fate of a request to the throttled side."""
        now = time.monotonic()
        if now >= self._ends:
            self._ends, self._left = now + self.window, self.limit
        if self._left:
            self._left -= 1
            self.passed += 1
            return gates.PASSES
        self.refused += 1
        return Fate(forwarded=False, reply=answer(429, after=int(self._ends - now) + 1))
