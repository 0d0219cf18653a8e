"""What commands of `backup` work with: PocketBase, the repository, and which stacks have what on disk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

from handlers import eyes, ledger, records, status
from handlers.alerting import copies as alerting
from handlers.stacks import last_copy
from listener import errors
from listener.backup import stack as stacks
from listener.backup import state
from listener.backup.restic import Restic
from listener.backup.volumes import Volume
from listener.cli import configured, envfile, reach, rows
from listener.compose import catalog
from listener.compose.manifest import Manifest
from listener.pocketbase.client import PocketBase

DRILL = "drill-"
"""Begins the names of folders that a drill restores into; one that was killed leaves its behind."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One stack that has data: its record as it is shown, its ledger's row, and what its template says."""

    stack: rows.Stack
    row: ledger.LedgerRow
    record: Mapping[str, Any]
    """Empty where the record was deleted and the data is kept."""
    manifest: Manifest | None

    @property
    def rests(self) -> bool:
        """It is deleted and stopped: the next copy is its last."""
        return self.row.stage == "retained"

    @property
    def is_asked(self) -> bool:
        """A person wants a copy now, and nobody tried since."""
        return str(self.row.made.get(last_copy.ASKED) or "") > str(self.info.get("tried") or "")

    @property
    def must_stop(self) -> bool:
        """A volume of it may only be copied while nothing runs."""
        return self.manifest is not None and any(
            one.backup == "stop" for one in self.manifest.volumes.values()
        )

    @property
    def info(self) -> dict[str, Any]:
        """What the last run left on the record."""
        return alerting.info(self.record)

    def volumes(self, folder: Path) -> list[Volume]:
        """Its volumes that are worth a copy; raises where the template is gone, or a volume is not here."""
        if self.manifest is None:
            raise errors.Terminal(
                "BACKUP_TEMPLATE_UNKNOWN",
                f"the template {self.stack.template} is not known here, or broken",
                why="it says which volumes are copied, and how",
                fix="put it into TEMPLATES_DIR as it was; `cloudfreedom templates check` says what is broken",
            )
        found = [
            Volume(name, folder / f"{self.row.service_uuid}_{name}", one.databases)
            for name, one in self.manifest.volumes.items()
            if one.backup != "none"
        ]
        for volume in found:
            if not volume.data.is_dir():
                raise stacks.missing(volume)
        return found


@dataclass(frozen=True)
class Here:
    """Open while a command runs."""

    known: PocketBase
    settings: configured.Database
    restic: Restic
    state: state.State | None
    inst: str
    tiers: Mapping[str, records.Tier]

    async def copies(self) -> list[Copy]:
        """Every stack of this server that the ledger knows a service of; copied longest ago first."""
        manifests = _manifests(self.settings)
        found = {row["id"]: row for row in await self.known.list(records.STACKS, expand="tenant_id")}
        tenants = {row["id"]: row for row in await self.known.list(records.TENANTS)}
        server = self.settings.coolify_server_uuid
        copies = []
        for line in await self.known.list(ledger.COLLECTION, filter=f"kind='{records.STACKS}'"):
            row = ledger.LedgerRow.read(line)
            record = found.get(row.id)
            elsewhere = server and row.server_uuid and row.server_uuid != server
            is_gone = record is None and (row.stage != "retained" or row.orphan)
            if is_gone or not row.service_uuid or row.stage == "closed" or elsewhere:
                continue
            one = rows.stack(record or _remembered(row, tenants.get(row.tenant_id)))
            copies.append(Copy(one, row, record or {}, manifests.get(one.template)))
        return sorted(copies, key=lambda copy: (str(copy.record.get("last_backup") or ""), copy.stack.name))

    async def kept(self, days: Mapping[str, int], now: datetime) -> frozenset[str]:
        """Stacks whose newest copy stays; `days` says for how long copies of each are kept."""
        found = await self.known.list(ledger.COLLECTION, filter=f"kind='{records.STACKS}'")
        known = [ledger.LedgerRow.read(line) for line in found]
        return frozenset(one.id for one in known if last_copy.stays(one, days.get(one.id, 0), now))

    def days(self, tier: str) -> int:
        """For how long a copy is kept."""
        known = self.tiers.get(tier)
        return (known.backup_days if known else 0) or records.BACKUP_DAYS

    async def say(self, copy: Copy, fields: Mapping[str, Any], *, done: bool = False) -> None:
        """The record, if there is one, shows these facts of its last backup, beside those it showed."""
        if not copy.record:
            return
        now = status.stamp(datetime.now(UTC))
        told = json.dumps({**copy.info, **fields}, ensure_ascii=False)
        last = {"last_backup": now} if done else {}
        await reach.patch(self.known, copy.stack.id, last_backup_info=told, **last)


@asynccontextmanager
async def opened(*, alone: bool = True) -> AsyncIterator[Here]:
    """Ready to work; `alone` = no other run is under way, and none begins. Raises `BACKUP_NOT_CONFIGURED`."""
    settings = configured.load(configured.Database)
    repository, password = settings.backup_repository.get_secret_value(), settings.backup_password
    if not repository or not password.get_secret_value():
        raise errors.Refusal(
            "BACKUP_NOT_CONFIGURED",
            "There is no repository for backups.",
            why="BACKUP_REPOSITORY or BACKUP_PASSWORD is not set",
            fix="set both, in the environment or as credentials; then `cloudfreedom backup init`, once",
        )
    env = envfile.read(settings.backup_env_file) if settings.backup_env_file else {}
    with ExitStack() as held:
        own = held.enter_context(state.opened(settings.backup_state_dir)) if alone else None
        for left in settings.backup_state_dir.glob(f"{DRILL}*") if alone else ():
            rmtree(left)
        cache = settings.backup_state_dir / "cache"
        restic = Restic(repository, password.get_secret_value(), cache, own.lock if own else None, env)
        async with reach.database(settings) as known:
            meta = await known.get(eyes.META, "main") or {}
            tiers = {row["id"]: records.tier(row) for row in await known.list("plan_tiers")}
            yield Here(known, settings, restic, own, str(meta.get("inst") or ""), tiers)


def wanted(here: Here, copies: Sequence[Copy]) -> list[Copy]:
    """Those whose tariff has backups and whose template has something to copy.

    A deleted one once more, after it was stopped.
    """
    return [one for one in copies if _pays(here, one) and _keeps(one) and not _is_final(one)]


def _pays(here: Here, copy: Copy) -> bool:
    tier = here.tiers.get(copy.stack.tier)
    return tier.backups if tier is not None else copy.rests


def _keeps(copy: Copy) -> bool:
    return copy.manifest is None or any(one.backup != "none" for one in copy.manifest.volumes.values())


def _is_final(copy: Copy) -> bool:
    """Its last copy is made and proven, or staff wants none."""
    return copy.rests and bool(copy.row.made.get(last_copy.PROVEN) or copy.row.made.get(last_copy.WAIVED))


def _remembered(row: ledger.LedgerRow, tenant: Mapping[str, Any] | None) -> dict[str, Any]:
    """A deleted stack whose record is gone, as far as the ledger knows it."""
    return {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "stack_name": str(row.made.get("stack_name") or row.id),
        "template": row.template,
        "desired_state": "deleted",
        "expand": {"tenant_id": tenant} if tenant else {},
    }


def _manifests(settings: configured.Database) -> dict[str, Manifest]:
    folders = [catalog.default_folder(), *([settings.templates_dir] if settings.templates_dir else [])]
    found: dict[str, Manifest] = {}
    for path in catalog.paths(*folders):
        found.pop(path.name, None)  # a broken one is not copied by the one that it replaces
        with suppress(errors.Refusal):
            found[path.name] = catalog.parsed(path, settings.platform()).manifest
    return found
