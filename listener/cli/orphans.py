"""`cloudfreedom orphans`: what has no record any more, on either side, and what is none of ours.

Read like the daemon reads, with the ledger as it is; descriptions cost a call for each service that no row
knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from handlers import brake, ledger, naming, orphans, records, strangers
from handlers.eyes import Eyes
from handlers.stacks import purge
from listener import errors
from listener.cli import command, configured, idle, reach, show
from listener.cli.exits import Exit
from listener.coolify import payloads


@dataclass(frozen=True, slots=True)
class Lost:
    """A stack without a record: an orphan, or one whose record was deleted while the ledger knew it."""

    id: str
    service: str
    service_uuid: str
    tenant: str
    stage: str
    """grace, found, stopping, stopped, retained, purging; grace and found: it was not touched yet."""
    found: str
    """When it was found, or its deletion first seen; UTC."""
    stops: str
    """When an orphan's grace ends; UTC."""
    purged: str
    """When its data goes at the earliest; empty when only approval lets it go."""
    waits: str
    """What a person must do before it goes on; empty when nothing."""


@dataclass(frozen=True, slots=True)
class Other:
    """An object in Coolify that is listed apart."""

    kind: str
    """service or project."""
    name: str
    uuid: str
    marker: str
    """The description's marker, or empty."""
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the command shows."""

    orphans: Sequence[Lost] = ()
    deleted: Sequence[Lost] = ()
    """Their records are gone, their ledger rows live."""
    projects: Sequence[Other] = ()
    """Projects of ours without a tenant: reported, never deleted."""
    foreign: Sequence[Other] = ()
    """Objects with the marker of another installation."""
    alike: Sequence[Other] = ()
    """Services that merely look like ours."""


BRAKED = ("braked",)
"""Reasons of plans that wait for the brake."""
OTHER = "another installation"
TITLES = {
    "orphans": "Orphans: neither a record nor the ledger knew them",
    "deleted": "Deleted records whose services are still kept",
    "projects": "Projects without a tenant (never deleted by the listener)",
    "foreign": "Of another installation (never touched)",
    "alike": "Look like ours, and are not (never touched)",
}


def show_all(*, as_json: bool) -> None:
    """Every list, or that there is nothing."""
    report = reach.run(_report)
    found = asdict(report)
    if as_json:
        show.as_json(found)
        return
    for name, title in TITLES.items():
        if found[name]:
            show.line(f"{title}:")
            show.columns(found[name])
            print()
    show.line(", ".join(f"{name}: {len(found[name])}" for name in TITLES))


def approve(named: str, *, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    """The orphan's data may be purged when its time has come, as of any deleted stack."""
    return reach.run(partial(_approve, named, yes, confirm, seconds))


async def _approve(named: str, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        row = await known.get(ledger.COLLECTION, named)
        if row is None or ledger.LedgerRow.read(row).stage == "closed":
            raise errors.Terminal(
                "ORPHAN_UNKNOWN",
                f"there is no orphan {named!r}",
                why="the ledger has no row of that id, or its data is gone already",
                fix="`cloudfreedom orphans` shows all; name one by its id",
            )
        what = ledger.LedgerRow.read(row).made.get("service_name") or named
        question = f"Let {what} be stopped, and its data be removed for good when its retention is over?"
        if not command.agreed(question, yes=yes, confirm=confirm):
            return Exit.FAILED
        return await command.carried_out(known, "approve", named, {}, seconds)


async def _report() -> Report:
    async with idle.ready() as here:
        eyes = here.app.eyes
        await eyes.view.renew()
        for one in strangers.unknown(eyes):
            await strangers.marker(eyes, one)
        rows = [row for row in eyes.ledger.rows(records.STACKS) if row.stage != "closed"]
        found = strangers.without_row(eyes)
        lost = await strangers.without_record(eyes, [*(row.id for row in rows), *found])
        gone = {row.id: await _lost(here, row) for row in rows if row.id in lost}
        known = {row.id for row in orphans.alive(eyes.ledger)}
        fresh = [_unwritten(*found[one]) for one in sorted(found.keys() & lost)]
        projects = await eyes.coolify.projects()
        return Report(
            orphans=[*(one for one in gone.values() if one.id in known), *fresh],
            deleted=[one for one in gone.values() if one.id not in known],
            projects=[_project(one, "no tenant") for one in await orphans.projects(eyes, projects)],
            foreign=[*_foreign(eyes), *(_project(one, OTHER) for one in projects if _is_foreign(eyes, one))],
            alike=_alike(eyes, {found[one][0].uuid for one in found.keys() & lost}),
        )


async def _lost(here: idle.Idle, row: ledger.LedgerRow) -> Lost:
    """The stack as the daemon sees it once the record's absence is proven, which it is by now."""
    here.app.eyes.memory.of(row.id).deleted_heard = True
    _, _, made = await here.explain(row.id)
    now, waits = here.app.eyes.now(), ""
    ends = purge.due(row, now) if row.deletion_seen else None
    if made.reason in BRAKED:
        waits = f"the brake: cloudfreedom orphans approve {row.id}"
    if row.orphan and not brake.is_approved(row):
        waits, ends = f"approval: cloudfreedom orphans approve {row.id}", None
    found = datetime.fromisoformat(row.orphan) if row.orphan else row.deletion_seen
    grace = timedelta(seconds=here.app.eyes.site.waits.orphan)
    stops = found + grace if row.orphan and found and not row.stage else None
    deleting = (row.intent or {}).get("what") == "delete"
    return Lost(
        id=row.id,
        service=str(row.made.get("service_name") or ""),
        service_uuid=row.service_uuid,
        tenant=row.tenant_id,
        stage="purging" if deleting else row.stage or ("grace" if row.orphan else "found"),
        found=_stamp(found),
        stops=_stamp(stops),
        purged=_stamp(ends),
        waits=waits,
    )


def _unwritten(service: payloads.ServiceEntry, said: naming.Marker) -> Lost:
    """An orphan that the listener has not written down yet."""
    return Lost(said.stack, service.name, service.uuid, said.tenant, "found", "", "", "", "")


def _foreign(eyes: Eyes) -> list[Other]:
    return [
        Other("service", one.name, one.uuid, str(said), OTHER)
        for one, said in strangers.marked(eyes)
        if said.inst != eyes.site.inst
    ]


def _is_foreign(eyes: Eyes, project: payloads.Project) -> bool:
    said = naming.read(project.description)
    return said is not None and said.inst != eyes.site.inst


def _project(project: payloads.Project, why: str) -> Other:
    said = naming.read(project.description)
    return Other("project", project.name, project.uuid, str(said or ""), why)


def _alike(eyes: Eyes, told: set[str]) -> list[Other]:
    """Services with our marker that are another's or nobody's, or with a name of ours and no marker."""
    marked, found = {one.uuid: said for one, said in strangers.marked(eyes)}, list[Other]()
    for one in strangers.unknown(eyes):
        said = marked.get(one.uuid)
        if one.uuid in told or (said is not None and said.inst != eyes.site.inst):
            continue
        if said is not None:
            row = eyes.ledger.get(said.stack)
            why = f"its stack has service {row.service_uuid}" if row and row.service_uuid else "a copy"
            why = why if row or strangers.CLONE in one.name else "its stack is not in the ledger yet"
            found.append(Other("service", one.name, one.uuid, str(said), why))
        elif strangers.OURS.fullmatch(one.name):
            found.append(Other("service", one.name, one.uuid, "", "only its name is like ours"))
    return sorted(found, key=lambda one: (one.name, one.uuid))


def _stamp(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""
