"""Stacks as Coolify alone tells them, by the names that services and projects got when they were made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from handlers import naming
from listener.cli import rows
from listener.coolify import payloads
from listener.coolify.client import Coolify

NAME = re.compile(r"cf-([a-z0-9-]+)-([a-z0-9]{15})")
"""A service's name: slug and stack name, then the record's id. A clone ends in Coolify's own, longer id."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A service that carries the marker of a stack."""

    id: str
    """The record's id."""
    tenant: str
    """The tenant's slug, or its id when no project tells it."""
    stack: str
    status: str
    """In Coolify's words."""
    inst: str
    """Whose it is, when several installations share one Coolify."""
    service_uuid: str

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.tenant}/{self.stack}"

    @property
    def wanted(self) -> str:
        """Only the record says."""
        return ""

    def json(self) -> dict[str, str]:
        """Every field, by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Home:
    """A tenant as its project tells it."""

    slug: str
    marker: naming.Marker


async def services(coolify: Coolify) -> list[Marked]:
    """Every service whose name is one of ours, by tenant and stack.

    A service is read by uuid, which costs a call, only where its name fits no project or several.
    """
    homes = [home for project in await coolify.projects() if (home := _home(project))]
    entries = [
        entry for server in await coolify.servers() for entry in await coolify.services_on(server.uuid)
    ]
    found = [marked for entry in entries if (marked := await _marked(coolify, entry, homes))]
    return sorted(found, key=lambda one: (one.tenant, one.stack, one.id))


def pick(found: Sequence[Marked], named: str) -> Marked:
    """The one that an id, `tenant/stack` or a unique stack name means; raises like `rows.pick`."""
    meant = [one for one in found if named in (one.id, one.name, one.stack)]
    why = "no service in Coolify has that name; while PocketBase is away, stacks without one are not seen"
    return rows.choose(named, meant, why=why)


def _home(project: payloads.Project) -> _Home | None:
    marker = naming.read(project.description)
    if marker is None or marker.stack:
        return None
    slug = project.name.removeprefix("cf-").removesuffix(f"-{marker.tenant}")
    return _Home(slug, marker)


async def _marked(coolify: Coolify, entry: payloads.ServiceEntry, homes: Sequence[_Home]) -> Marked | None:
    match = NAME.fullmatch(entry.name)
    if match is None:
        return None
    names, record_id = match.groups()
    fitting = [home for home in homes if names.startswith(f"{home.slug}-")]
    if len(fitting) == 1:
        marker = fitting[0].marker
    else:
        detail = await coolify.service(entry.uuid)
        read = naming.read(detail.description) if detail else None
        if read is None or read.stack != record_id:
            return None
        marker = read
        fitting = [home for home in fitting if home.marker.tenant == marker.tenant]
    slug = fitting[0].slug if fitting else ""
    return Marked(
        id=record_id,
        tenant=slug or marker.tenant,
        stack=names.removeprefix(f"{slug}-") if slug else names,
        status=entry.status,
        inst=marker.inst,
        service_uuid=entry.uuid,
    )
