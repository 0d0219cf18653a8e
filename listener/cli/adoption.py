"""`cloudfreedom adopt`: both sides of what was there before are shown; a yes becomes a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from handlers import claims, naming, records
from handlers.requests.handler import ADOPT_PROJECT
from handlers.tenants import adopt
from handlers.tenants.survey import survey
from listener import errors
from listener.cli import command, configured, idle, reach, rows, show
from listener.cli.exits import Exit
from listener.coolify.client import Coolify
from listener.pocketbase.client import PocketBase, quoted

Confirm = Callable[[str], bool]
DRIFT = "DRIFT "
"""Beginning of what a record says of an edit in Coolify that nobody accepted."""


def stack(named: str, service: str, *, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """The stack has the service, after both sides were shown and confirmed."""
    return reach.run(partial(_stack, named, service, yes, confirm, seconds))


def tenant(slug: str, project: str, *, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """The tenant has the project, after both sides were shown and confirmed."""
    return reach.run(partial(_tenant, slug, project, yes, confirm, seconds))


async def _stack(named: str, service: str, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    settings = configured.load(configured.Database)
    async with reach.database(settings) as known:
        target = await rows.pick(known, named)
        if target.error_message.startswith(DRIFT) and not service:
            return await _as_it_is(known, target, yes=yes, confirm=confirm, seconds=seconds)
        uuid = service or target.service_uuid
        show.line(f"record   {target.name} ({target.id}), template {target.template}, shows {target.status}")
        show.line(f"service  {await _service_line(settings, uuid)}")
        print("Its name and description change; compose, variables, volumes and containers stay as they are.")
        question = f"Adopt service {uuid or '(the one with its marker)'} for {target.name}?"
        if not command.agreed(question, yes=yes, confirm=confirm):
            return Exit.FAILED
        arguments = {"service": service} if service else {}
        return await command.carried_out(known, "adopt", target.id, arguments, seconds)


async def _as_it_is(
    known: PocketBase, target: rows.Stack, *, yes: bool, confirm: Confirm, seconds: float
) -> Exit:
    """What somebody edited in Coolify is left as it is."""
    show.line(f"record   {target.name} ({target.id}), shows {target.status}")
    show.line(f"drift    {target.error_message}")
    print("Nothing changes: what is in Coolify is accepted as it is, until the record is edited.")
    if not command.agreed(f"Accept what is in Coolify for {target.name}?", yes=yes, confirm=confirm):
        return Exit.FAILED
    return await command.carried_out(known, "adopt", target.id, {}, seconds)


async def _service_line(settings: configured.Database, uuid: str) -> str:
    """The service as Coolify has it, if this command can ask."""
    if not uuid:
        return "none is named on the record"
    if not settings.knows_coolify:
        return f"{uuid} (Coolify is not configured here, so it cannot be shown)"
    async with reach.coolify(settings) as coolify:
        found = await coolify.service(uuid)
        if found is None:
            return f"{uuid} is {await _other(coolify, uuid)}"
    where = f"in project {found.project_name} ({found.project_uuid}), " if found.project_uuid else ""
    return f"{found.name} ({uuid}), {where}shows {found.status}, description “{found.description}”"


async def _other(coolify: Coolify, uuid: str) -> str:
    """What stands in a list of Coolify's under that uuid, if it is no service."""
    for server in await coolify.servers():
        for one in await coolify.resources_on(server.uuid):
            if one.uuid == uuid:
                return f"in Coolify as {one.kind} {one.name}, not as a service"
    return "not in Coolify"


async def _tenant(slug: str, project: str, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    async with idle.ready() as here:
        record = await _picked(here, slug)
        eyes = here.app.eyes
        found = await survey(eyes, record, await eyes.coolify.projects(), named=project)
        _show_record(record, await claims.read(here.database))
        for one in found:
            _show_project(one)
        marker = naming.Marker(eyes.site.inst, record.id)
        row = eyes.ledger.get(record.id)
        chosen = adopt.chosen(record, row, found, marker=marker, named=project).project
        print("Its name and description change; what is in it stays as it is and where it is.")
        if not command.agreed(f"Adopt project {chosen.name} for {slug}?", yes=yes, confirm=confirm):
            return Exit.FAILED
        arguments = {"project": chosen.uuid}
        return await command.carried_out(here.database, ADOPT_PROJECT, record.id, arguments, seconds)


async def _picked(here: idle.Idle, slug: str) -> records.TenantRecord:
    """The tenant of that slug; raises `TENANT_UNKNOWN`."""
    found = await here.database.list(records.TENANTS, filter=f"slug={quoted(slug)}")
    if not found:
        raise errors.Terminal(
            "TENANT_UNKNOWN",
            f"there is no tenant {slug!r}",
            why="no record has that slug",
            fix="`cloudfreedom tenants` shows all",
        )
    return records.tenant(found[0])


def _show_record(record: records.TenantRecord, said: tuple[claims.Claim, ...]) -> None:
    show.line(f"record   {record.slug} ({record.id}), {record.name}")
    mine = [one for one in said if one.tenant_id == record.id]
    for one in mine:
        show.line(
            f"  stack    {one.name} ({one.id}), shows {one.status}, service {one.service_uuid or 'none'}"
        )
    if not mine:
        print("  no stacks")


def _show_project(found: adopt.Found) -> None:
    project = found.project
    show.line(f"project  {project.name} ({project.uuid}), description “{project.description}”")
    for one in found.services:
        show.line(f"  service  {one.name} ({one.uuid}), shows {one.status}")
    if not found.services:
        print("  no services")
