"""Copies of a stack's data: one is asked for, and without a proven last one nothing is purged. Pure.

What proves it is a request of `cloudfreedom backup`, which copied the data at rest, restored the copy where
nothing runs, and compared it. Nothing that stands on the record is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import ledger
from handlers.stacks import erasure
from handlers.stacks.facts import StackFacts
from handlers.status import stamp
from listener import errors
from listener.compose.catalog import Catalog

NOW = "backup_now"
"""The action that asks for a copy."""
ASKED = "backup_asked"
"""In `applied_spec`: since when a copy is asked for. `cloudfreedom backup run --asked` makes what is younger
than its last try."""
PROVEN, WAIVED, RESTED = "last_copy", "copy_waived", "rested_at"
"""In `applied_spec`: snapshot and time of the proven copy; who wants none; since when the data rests."""
LACKING = (
    "BACKUP_UNPROVEN · its time is over, its data is kept · no copy made since its stop is proven · on its "
    "host: `cloudfreedom backup run STACK`; or, without one: `cloudfreedom purge STACK --without-backup`"
)


def is_lacking(facts: StackFacts, catalog: Catalog) -> bool:
    """The data may not be removed yet. An unknown tariff may have backups; erasure asks for none."""
    row = facts.ledger
    if row is None or row.stage != "retained" or row.orphan or erasure.is_asked(row):
        return False
    if row.made.get(PROVEN) or row.made.get(WAIVED):
        return False
    is_paid = facts.tier is None or facts.tier.backups
    return is_paid and is_copied(catalog, row.template)


def is_copied(catalog: Catalog, slug: str) -> bool:
    """The template has a volume that is worth a copy; one that nobody knows any more may have."""
    template = catalog.get(slug)
    return template is None or any(one.backup != "none" for one in template.manifest.volumes.values())


def asked(facts: StackFacts) -> tuple[Mapping[str, Any] | None, str]:
    """The change by which the next run on its host makes a copy; or none, and why not."""
    row = facts.ledger
    if row is None or not row.service_uuid or row.stage == "closed":
        return None, f"{NOW}: it has no service, so there is nothing to copy"
    if facts.tier is not None and not facts.tier.backups:
        return None, f"{NOW}: its tariff has no backups"
    return {"applied_spec": {**row.made, ASKED: stamp(facts.now)}}, ""


def proven(row: ledger.LedgerRow | None, snapshot: str, at: str) -> Mapping[str, Any]:
    """The change by which this copy of that time counts; raises `BACKUP_PROOF_REFUSED`."""
    if row is None or row.stage != "retained":
        raise _refused("the stack is not deleted and at rest", "that of a stack which runs proves no purge")
    if not snapshot or _time(at) < _rests_since(row):
        raise _refused("the copy is older than the data's last change", "`cloudfreedom backup run STACK`")
    return {"applied_spec": {**row.made, PROVEN: {"snapshot": snapshot, "at": at}}}


def waived(row: ledger.LedgerRow | None, actor: str) -> Mapping[str, Any]:
    """The change by which no copy is asked for; raises `BACKUP_WAIVER_REFUSED`."""
    if row is None or row.stage != "retained":
        raise errors.Refusal(
            "BACKUP_WAIVER_REFUSED",
            "backup_waived: only a deleted stack that is stopped can be purged.",
            why="it is not deleted, or not seen stopped yet",
            fix="delete it first: `cloudfreedom delete`, and wait until it is `deleted`",
        )
    return {"applied_spec": {**row.made, WAIVED: actor}}


def stays(row: ledger.LedgerRow, days: int, now: datetime) -> bool:
    """The newest copy is kept: its data is not purged, or went less than `days` ago and not by an erasure."""
    purged = _time(str(row.made.get("purged_at") or ""))
    return row.stage != "closed" or (now - purged < timedelta(days=days) and not erasure.is_asked(row))


def rested(made: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What is remembered of a stack that was seen stopped for its deletion just now: no older copy counts."""
    kept = {name: value for name, value in made.items() if name != PROVEN}
    return {**kept, RESTED: stamp(now)}


def _rests_since(row: ledger.LedgerRow) -> datetime:
    """A row of an older release says only when the deletion was seen, or the stop was sent."""
    said = str(row.made.get(RESTED) or row.made.get("deletion_stopped_at") or "")
    return _time(said) if said else (row.deletion_seen or _time(""))


def _time(text: str) -> datetime:
    """Never is long ago."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _refused(why: str, fix: str) -> errors.Refusal:
    return errors.Refusal("BACKUP_PROOF_REFUSED", f"backup_proven: {why}.", why=why, fix=fix)
