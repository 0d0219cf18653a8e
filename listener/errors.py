"""Every error the listener raises on purpose, by what it means for the work at hand.

    ListenerError                 three parts: what failed, why, what to do; a stable code
    ├── Transient                 again, soon: this key backs off
    │   ├── UpstreamUnavailable   no connection, time-out, 5xx, unreadable body
    │   └── Ambiguous             an effect may or may not have happened; look before acting again
    ├── Throttled                 the whole client waits `after` seconds
    ├── Terminal                  not before the record is edited
    │   ├── Refusal               refused by our own checks before any call
    │   └── UpstreamRefusal       refused by Coolify or PocketBase (400, 404, 409, 422)
    └── Global                    stop everything, alert once, probe half-open
        └── LeaseLost             another holder may be acting: begin nothing

The four classes answer "again, later, never, or stop everything?".
"""

from __future__ import annotations

from collections.abc import Mapping


class ListenerError(Exception):
    """What failed (`what`), why (`why`), what to do (`fix`), under a stable UPPER_SNAKE `code`."""

    def __init__(self, code: str, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        """One line: code, what failed, why, what to do. Never holds a secret."""
        return " · ".join(part for part in (self.code, self.what, self.why, self.fix) if part)


class Transient(ListenerError):
    """Again, soon: the key backs off from 1 s to 15 min with full jitter."""


class UpstreamUnavailable(Transient):
    """The other side could not be reached, answered 5xx, or answered what cannot be read."""


class Ambiguous(Transient):
    """An effect was asked for and the answer was lost: it may or may not have happened."""


class Throttled(ListenerError):
    """The whole client waits `after` seconds before its next call."""

    def __init__(self, code: str, what: str, *, after: float, why: str = "", fix: str = "") -> None:
        super().__init__(code, what, why=why, fix=fix)
        self.after = after


class Terminal(ListenerError):
    """Nothing is tried again until the record's hash changes."""


class Refusal(Terminal):
    """Refused by our own checks before any call; `message` is for the user, the three parts for staff.

    `values` are what the message names, by which it can be said in another language.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        what: str = "",
        why: str = "",
        fix: str = "",
        values: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, what or message, why=why, fix=fix)
        self.message = message
        self.values = values


class UpstreamRefusal(Terminal):
    """The upstream understood and said no; `status` is its HTTP status."""

    def __init__(self, code: str, what: str, *, status: int, why: str = "", fix: str = "") -> None:
        super().__init__(code, what, why=why, fix=fix)
        self.status = status


class Global(ListenerError):
    """Wrong for every key: credentials, abilities, team, API switched off, wire contract broken."""


class LeaseLost(Global):
    """The lease could not be renewed in time: another holder may be acting."""
