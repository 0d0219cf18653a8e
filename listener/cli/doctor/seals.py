"""The check whether what rests sealed in PocketBase can be opened with the keys that are set."""

from __future__ import annotations

from handlers import ledger, vault
from listener import errors
from listener.cli.doctor import report, scene
from listener.secrets.sealing import Sealer

FORMER = (
    "put the former key behind the first in LISTENER_SECRETS_KEY and restart; "
    "without it: OPERATIONS.md, “A key leaked”, the last part"
)
ANEW = "`cloudfreedom secrets rotate-key`, then take the former keys away and restart"


async def seals(here: scene.Scene) -> list[report.Line]:
    """Every secret and last spec opens, and no former key is needed for it. No value is shown."""
    if here.database is None or not here.is_known:
        return [report.skipped("not asked: PocketBase has not let us in")]
    if not here.settings.listener_secrets_key or "listener_secrets_key" in here.mistakes:
        return [report.skipped("not tried: LISTENER_SECRETS_KEY is not set, or no key (see “settings”)")]
    known, sealer = here.database.client, Sealer(here.settings.listener_secrets_key)
    secrets = [row["value"] for row in await known.list(vault.COLLECTION, fields="id,value")]
    specs = [row["last_spec"] for row in await known.list(ledger.COLLECTION, fields="id,last_spec")]
    kept = [sealed for sealed in (*secrets, *specs) if sealed]
    old = [sealed for sealed in kept if not sealer.is_current(sealed)]
    shut = [sealed for sealed in old if not _opens(sealer, sealed)]
    if shut:
        text = f"SEAL_BROKEN: {len(shut)} of {len(kept)} sealed values cannot be opened"
        return [report.failure(text, FORMER)]
    if old:
        text = f"{len(old)} of {len(kept)} sealed values need a key behind the first"
        return [report.warning(text, ANEW)]
    return [report.good(f"all {len(kept)} sealed values open with the first key")]


def _opens(sealer: Sealer, sealed: str) -> bool:
    try:
        sealer.open(sealed)
    except errors.Refusal:
        return False
    return True
