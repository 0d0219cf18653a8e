"""How its owner gets into a stack: addresses and the secrets made for it, shown on demand and on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers import records, steps
from handlers.eyes import Eyes
from listener import contract, errors
from listener.compose.catalog import Catalog
from listener.compose.manifest import Access, Manifest


class Accesses:
    """Answers for one installation. Who asks was proven to own the record before."""

    def __init__(self, *, eyes: Eyes, catalog: Catalog, scribe: steps.Scribe) -> None:
        self._eyes = eyes
        self._catalog = catalog
        self._scribe = scribe

    async def of(self, row: Mapping[str, Any], asked_by: str) -> list[dict[str, str]] | None:
        """Title, url, user and secret of each way in, as far as they are there; the audit says who asked.

        `row` is the stack's record, `asked_by` a portal user's id: None when that is no owner of the tenant,
        whoever else may read the record. Raises `Transient` `NOT_LEADING` when this process does not know
        the secrets.
        """
        stack = records.stack(row)
        known = self._eyes.ledger.get(stack.id)
        template = self._catalog.get(stack.template)
        if not self._eyes.is_caught_up:
            raise errors.Transient("NOT_LEADING", "this listener does not lead", why="another one does")
        if not await self._owns(asked_by, stack.tenant_id):
            return None
        if template is None or known is None or known.tenant_id != stack.tenant_id:
            return []
        kept = self._eyes.vault.opened(stack.id, stack.tenant_id)
        secrets = {name: value.get_secret_value() for name, value in kept.items()}
        manifest = template.manifest
        names = sorted({one.secret for one in manifest.access if one.secret})
        entry = steps.Entry("secret.reveal", "done", f"asked by {asked_by}", {"names": names})
        await self._scribe.record(contract.Key(records.STACKS, stack.id), entry=entry)
        return [
            self._way(one, _user(one, manifest, stack.config), known.domain, secrets)
            for one in manifest.access
        ]

    def kept(self, row: Mapping[str, Any]) -> list[str]:
        """Every value that is kept for the stack, so that no log shows it; none if one cannot be opened."""
        try:
            found = self._eyes.vault.opened(str(row["id"]), str(row.get("tenant_id") or ""))
        except errors.Refusal:
            return []
        return [value.get_secret_value() for value in found.values()]

    async def _owns(self, user_id: str, tenant_id: str) -> bool:
        row = await self._eyes.database.get(records.TENANTS, tenant_id) or {}
        return bool(user_id) and (row.get("user_id") == user_id or user_id in (row.get("owners") or ()))

    def _way(self, access: Access, user: str, host: str, secrets: Mapping[str, str]) -> dict[str, str]:
        return {
            "title": getattr(access.title, self._eyes.site.voice.language),
            "url": f"https://{host}{access.path}" if host else "",
            "user": user,
            "secret": secrets.get(access.secret or "", ""),
        }


def _user(access: Access, manifest: Manifest, config: Any) -> str:
    """The name to sign in with: what the record gives, else the template's default."""
    given = config.get("env_vars") if isinstance(config, Mapping) else None
    typed = given.get(access.user) if isinstance(given, Mapping) else None
    default = next((one.default for one in manifest.parameters if one.name == access.user), None)
    return str(typed or default or "")
