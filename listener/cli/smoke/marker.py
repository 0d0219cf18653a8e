"""What tells a tenant of `smoke` from all others: id, slug, type and name, as nobody types them."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from listener.cli import reach

TYPE = "internal"
"""`type` of the tenant."""
STACK = "smoke"
"""Name of its one stack."""
RANDOM = 10
"""Letters and digits that two smoke tests at once do not share."""
NAME = re.compile(r"Smoke test ([0-9a-f]{8})-(\d{1,9}), over by (\S{16,32})")
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Mark:
    """One smoke test's tenant: how its records are called, and by when, where and by whom it is run."""

    suffix: str
    host: str
    pid: int
    until: datetime

    @classmethod
    def new(cls, seconds: float) -> Self:
        """A smoke test of this process, over within `seconds`."""
        until = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
        return cls(reach.new_id()[:RANDOM], here(), os.getpid(), until)

    @property
    def tenant_id(self) -> str:
        """The tenant's record id."""
        return f"smoke{self.suffix}"

    @property
    def stack_id(self) -> str:
        """Its stack's record id."""
        return f"stack{self.suffix}"

    @property
    def slug(self) -> str:
        """The tenant's slug."""
        return f"smoke-{self.suffix}"

    @property
    def name(self) -> str:
        """The tenant's name, from which `read` learns the rest."""
        return f"Smoke test {self.host}-{self.pid}, over by {self.until.isoformat()}"

    def may_run(self, now: datetime) -> bool:
        """Its process may still be at work: it has time left, and is not known to have died on this host."""
        return now < self.until and (self.host != here() or _is_alive(self.pid))


def read(row: Mapping[str, Any]) -> Mark | None:
    """The mark of a tenant that is surely one of `smoke`, None for any other."""
    slug, told = str(row.get("slug") or ""), NAME.fullmatch(str(row.get("name") or ""))
    if told is None or not slug.startswith("smoke-"):
        return None
    host, pid, until = told.groups()
    try:
        mark = Mark(slug.removeprefix("smoke-"), host, int(pid), datetime.fromisoformat(until))
    except ValueError:
        return None
    fits = mark.until.tzinfo is not None and len(mark.suffix) == RANDOM
    return mark if fits and (row.get("id"), row.get("type")) == (mark.tenant_id, TYPE) else None


def here() -> str:
    """This host since it was started, in a word that does not tell its name."""
    boot = BOOT.read_text() if BOOT.exists() else ""
    return hashlib.sha256(f"{socket.gethostname()}\n{boot}".encode()).hexdigest()[:8]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
