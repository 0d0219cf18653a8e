"""Whether this release may act on what PocketBase holds: older ones leave a newer ledger alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers import ledger
from listener import errors
from listener.pocketbase import schema_model
from listener.pocketbase.client import PocketBase

META = "listener_meta"


async def check(database: PocketBase, meta: Mapping[str, Any] | None = None) -> None:
    """PocketBase holds nothing that this release would misread; a newer data model is no obstacle.

    Raises `Global` `SCHEMA_TOO_OLD` or `LEDGER_TOO_NEW`. `meta` is `listener_meta`'s row, if it was read.
    """
    if meta is None:
        meta = await database.get(META, "main") or {}
    version = int(meta.get("schema_version") or 0)
    if meta and version < schema_model.VERSION:
        raise errors.Global(
            "SCHEMA_TOO_OLD",
            "PocketBase's data model is older than this listener, which does nothing until it is brought up",
            why=f"it has version {version}, this release needs {schema_model.VERSION}",
            fix="run `cloudfreedom schema apply` of this release",
        )
    await check_ledger(database)


async def check_ledger(database: PocketBase) -> None:
    """No row of the ledger was written by a release with a newer format; raises `LEDGER_TOO_NEW`."""
    row = await database.page_first(ledger.COLLECTION, f"format>{ledger.FORMAT}")
    if row is not None:
        raise errors.Global(
            "LEDGER_TOO_NEW",
            "the ledger was written by a newer listener, so this one does nothing",
            why=f"row {row['id']} has format {row.get('format')}, this release reads up to {ledger.FORMAT}",
            fix="run that release again, or restore PocketBase's backup from before the upgrade",
        )
