"""What an answer is worth. Pure: bytes or an error in, a verdict out.

How a stack is told from the proxy in front of it: Traefik has texts of its own and adds nothing to them.
Without a router it says 404 (Go's `http.NotFound`); Coolify's catch-all router, on by default, makes that 503
behind TLS (Coolify 4.3, app/Models/Server.php `setupDefaultRedirect`; Traefik 3.6,
pkg/server/service/loadbalancer/wrr/wrr.go); a container that cannot be reached is 502 or 504 (Traefik 3.6,
pkg/proxy/httputil/proxy.go). Anything else is taken for the stack's own words, another proxy's included: a
wrong *other* is shown as `unknown`, a wrong *absent* would be shown as a fact.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n")
TRAEFIKS = {
    404: b"404 page not found",
    502: b"Bad Gateway",
    503: b"no available server",
    504: b"Gateway Timeout",
}
"""HTTP status -> the whole body with which Traefik itself says it."""

CLOSED = "the connection was closed without an answer"


class Word(StrEnum):
    """What the witness says."""

    GOOD = "good"
    """2xx on the health path."""
    ABSENT = "absent"
    """Nothing of the stack answers: the proxy speaks for itself, or nobody listens."""
    OTHER = "other"
    """Something answers, but not well: a redirect, a refusal, an error of the stack's own."""
    UNKNOWN = "unknown"
    """Nothing was learned."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen of one stack. It counts only for what happened before `requested_at`."""

    word: Word
    reason: str
    """Plain words for staff; nothing of the answer but its status."""
    requested_at: float
    """When the question was begun, on the listener's clock."""
    status: int | None = None
    """HTTP status, if one was read."""
    is_certified: bool = True
    """False: seen behind Traefik's self-signed default certificate, so there is none for the domain yet.

    The witness is asked whether the stack answers, and it does: so *good* stays good and may confirm that a
    stack is ready. A certificate waits for the tenant's DNS and for ACME, which no deploy can hurry. But what
    visitors meet is a warning: `health` does not call that healthy.
    """


def is_enough(data: bytes) -> bool:
    """Whether the rest of an answer can change nothing."""
    found = STATUS.match(data)
    return found is not None and int(found[1]) not in TRAEFIKS


def judge(data: bytes, *, is_certified: bool, requested_at: float) -> Verdict:
    """The verdict on an answer, or on its first part."""
    found = STATUS.match(data)
    if found is None:
        text = "what answered does not speak HTTP" if data else CLOSED
        return Verdict(Word.UNKNOWN, text, requested_at)
    status, body = int(found[1]), data.partition(b"\r\n\r\n")[2].strip()
    word, reason = Word.OTHER, f"HTTP {status}"
    if 200 <= status < 300:
        word = Word.GOOD
        reason += "" if is_certified else ", but Traefik has no certificate for the domain yet"
    elif body == TRAEFIKS.get(status):
        word, reason = Word.ABSENT, f"only Traefik answers: {reason}, {body.decode()}"
    return Verdict(word, reason, requested_at, status, is_certified)


def silence(error: OSError, *, requested_at: float) -> Verdict:
    """The verdict when there is no answer; time-outs, TLS and name resolution are all `OSError`."""
    if all(isinstance(cause, ConnectionRefusedError) for cause in _causes(error)):
        return Verdict(Word.ABSENT, "the server refuses the connection: nobody listens", requested_at)
    return Verdict(Word.UNKNOWN, _told(error), requested_at)


def _told(error: OSError) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "the name of the server cannot be resolved"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not good for the domain: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {getattr(error, 'reason', None) or type(error).__name__}"
        case ConnectionResetError():
            return CLOSED
    return f"no connection to the server: {', '.join(sorted({_why(cause) for cause in _causes(error)}))}"


def _why(cause: BaseException) -> str:
    number = getattr(cause, "errno", None)
    return os.strerror(number) if number else type(cause).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Why each of the addresses behind a name could not be connected to."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    elif isinstance(error.__cause__, OSError | BaseExceptionGroup):
        yield from _causes(error.__cause__)
    else:
        yield error


def health(wanted: str, verdict: Verdict) -> str | None:
    """The health to show for a stack that is wanted `running`, `suspended` or `deleted`; None = no word.

    `healthy` needs a good answer, and rest needs absence: what falls short of it, the witness's own blindness
    included, is `unknown`. Only the stack's own 5xx is `unhealthy`. Of other words there is nothing to say.
    """
    match wanted:
        case "running" if verdict.word is Word.GOOD and verdict.is_certified:
            return "healthy"
        case "running" if verdict.word is Word.OTHER and (verdict.status or 0) >= 500:
            return "unhealthy"
        case "suspended" | "deleted" if verdict.word is Word.ABSENT:
            return None
        case "running" | "suspended" | "deleted":
            return "unknown"
    return None
