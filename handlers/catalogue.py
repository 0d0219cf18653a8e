"""`agent_templates`: what can be ordered, as the portal and PocketBase's hooks read it.

A template that the listener has no longer is marked as withdrawn and never removed: stacks may run on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from handlers.eyes import Eyes
from listener import contract
from listener.compose import schema
from listener.compose.catalog import Catalog
from listener.compose.template import Template
from listener.pocketbase.writer import Write, Writer

COLLECTION = "agent_templates"
CHUNK = 20
"""Rows a batch."""


class Catalogue:
    """Keeps the rows as the catalogue is. `gate` names the reasons against writing just now."""

    def __init__(
        self,
        *,
        eyes: Eyes,
        catalog: Catalog,
        writer: Writer,
        language: schema.Language,
        gate: Callable[[], Sequence[str]],
    ) -> None:
        self._eyes = eyes
        self._writer = writer
        self._gate = gate
        self._is_published = False
        templates = [catalog.get(slug) for slug in catalog.slugs()]
        self._wanted = {one.slug: row(one, language) for one in templates if one is not None}

    def interval(self) -> float:
        """Seconds to the next round: few until the rows were once as wanted."""
        waits = self._eyes.site.waits
        return waits.resync if self._is_published else waits.poll_busy

    async def round(self) -> Iterable[contract.Key]:
        """The rows are as wanted. No key has to be looked at for it."""
        if self._gate():
            return ()
        there = {row["id"]: row for row in await self._eyes.database.list(COLLECTION)}
        writes = [
            Write("PATCH" if slug in there else "POST", COLLECTION, slug, wanted)
            for slug, wanted in self._wanted.items()
            if any(there.get(slug, {}).get(name) != value for name, value in wanted.items())
        ]
        gone = [slug for slug, row in there.items() if slug not in self._wanted and not row["withdrawn"]]
        writes += [Write("PATCH", COLLECTION, slug, {"withdrawn": True}) for slug in gone]
        for first in range(0, len(writes), CHUNK):
            await self._writer.commit(writes[first : first + CHUNK])
        self._is_published = True
        return ()


def row(template: Template, language: schema.Language) -> dict[str, Any]:
    """The template as the portal and the hooks read it."""
    manifest = template.manifest
    return {
        "title": getattr(manifest.title, language),
        "description": getattr(manifest.description, language),
        "version": manifest.version,
        "parameters": schema.parameters(manifest, language),
        "admission": schema.admission(manifest),
        "example": {"env_vars": dict(manifest.sample)},
        "withdrawn": manifest.withdrawn,
    }
