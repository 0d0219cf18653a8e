"""Whether a listener leads: the lease's row, and its age by PocketBase's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from listener import contract, errors
from listener.pocketbase import client
from listener.pocketbase import lease as leases


@dataclass(frozen=True, slots=True)
class Lease:
    """The row as read."""

    holder: str
    fence: int
    age: float
    """Seconds since it was renewed, both times by PocketBase's clock; whole seconds."""

    @property
    def is_led(self) -> bool:
        """A listener acts, or did so until moments ago."""
        return bool(self.holder) and self.age <= contract.Waits().takeover

    def __str__(self) -> str:
        if not self.holder:
            return "no listener leads: nothing is done until `cloudfreedom run` is started"
        if not self.is_led:
            return (
                f"{self.holder} has not renewed its lease for {self.age:.0f} s: "
                "nothing is done until it or another `cloudfreedom run` is back"
            )
        return f"{self.holder} leads, lease renewed {self.age:.0f} s ago"


async def read(known: client.PocketBase) -> Lease:
    """The lease as it is now; raises `LEASE_MISSING` when PocketBase shows none."""
    answer = await known.send("GET", client.path(leases.COLLECTION, leases.ROW), safe=True)
    if answer.status_code != 200:
        state = await leases.read(known)
        raise errors.UpstreamUnavailable("LEASE_UNREADABLE", f"the lease {state} was there only at times")
    row = client.decoded(answer)
    now = parsedate_to_datetime(answer.headers["Date"]) if "Date" in answer.headers else datetime.now(UTC)
    renewed = datetime.fromisoformat(row["updated"])
    age = max(0.0, (now - renewed.replace(tzinfo=renewed.tzinfo or UTC)).total_seconds())
    return Lease(holder=str(row.get("holder", "")), fence=int(row.get("fence", 0)), age=age)
