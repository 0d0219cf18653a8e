"""From the world to facts: the record, its tenant and tier, the ledger, and Coolify's list with its age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handlers import memory, naming, records, strangers
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow
from handlers.stacks import host_proofs, unborn
from handlers.stacks.facts import StackFacts
from handlers.status import parse
from handlers.swept import Swept
from listener import errors
from listener.coolify import payloads
from listener.coolify.view import Snapshot

STALE_ACTION = 60.0
"""Seconds within which the same action coming back is a stale form, not a wish."""


async def observe(eyes: Eyes, record_id: str, listed: Swept | None = None) -> StackFacts:
    """The facts of one stack, as of now. Reads PocketBase; Coolify only by the shared list.

    With `listed`, record and tenant are as a sweep read them: then nothing may come of it.
    """
    await eyes.ledger.sure(record_id, eyes.database)
    await eyes.vault.sure(record_id, eyes.database)
    row: Mapping[str, Any] | None = listed.row if listed else await _row(eyes, record_id)
    record = records.stack(row) if row else None
    remembered = eyes.ledger.get(record_id)
    seen = eyes.memory.of(record_id)
    gone = False
    if record is not None:
        seen.deleted_heard = False
        seen.shown = {**record.display, "tenant_id": record.tenant_id, "created": record.created}
    elif remembered is not None and remembered.stage != "closed":
        gone = await eyes.is_gone(records.STACKS, record_id)
    known = remembered.tenant_id if remembered else ""
    tenant = listed.tenant if listed else await _tenant(eyes, row, known)
    seen.shown = {**seen.shown, "tier": tenant.tier if tenant else ""}
    if record is not None and tenant is not None:
        seen.shown = {**seen.shown, "name": f"{tenant.slug}-{record.stack_name}"}
    snapshot = await eyes.view.younger_than(_moment(eyes, record_id))
    facts = _facts(eyes, record_id, snapshot)
    facts = replace(
        facts,
        record=record,
        gone=gone,
        tenant=tenant,
        tier=eyes.tiers.get(tenant.tier) if tenant else None,
        has_hooks=eyes.has_hooks,
        stale_action=_is_stale(seen, record, eyes.memory.clock()),
    )
    facts = _unsealed(eyes, facts)
    return host_proofs.seen(eyes, _seen(eyes, facts, snapshot))


async def _row(eyes: Eyes, record_id: str) -> Mapping[str, Any] | None:
    return await eyes.database.get(records.STACKS, record_id, expand="tenant_id")


def _unsealed(eyes: Eyes, facts: StackFacts) -> StackFacts:
    """The facts with what is kept for the stack, or why that cannot be opened."""
    if facts.record is None:
        return facts
    try:
        return replace(facts, secrets=eyes.vault.opened(facts.id, facts.record.tenant_id))
    except errors.Refusal as refusal:
        return replace(facts, unsealable=refusal)


async def look(eyes: Eyes, facts: StackFacts) -> StackFacts:
    """The same facts after the service was read by uuid; the result is remembered.

    Of several services that may be ours the first that carries our marker is it.
    """
    row = facts.ledger
    known = row.service_uuid if row else ""
    for uuid in (known,) if known else tuple(one.uuid for one in facts.marked):
        found = await eyes.look(uuid, facts.marker)
        if isinstance(found, naming.Proof):
            break
    seen = eyes.memory.of(facts.id)
    seen.look = found
    if isinstance(found, naming.Proof) and not found.server_status:
        seen.away_at = found.read_at
    entry = facts.entry or next((entry for entry in facts.marked if entry.uuid == uuid), None)
    seen.look_entry = (entry.name, entry.updated_at) if entry else ("", "")
    if isinstance(found, naming.Proof):
        seen.strange_since = None
    elif seen.strange_since is None:
        seen.strange_since = found.read_at
    return replace(facts, look=found, strange_since=seen.strange_since, away_at=seen.away_at)


async def renamed(eyes: Eyes, facts: StackFacts) -> StackFacts:
    """The facts with services that carry our marker under another name.

    Asked before a create without a ledger row: it may be lost, and the list has no descriptions. Each service
    that no ledger row knows is read once, and again when it changed; a 404 counts only for our own team.
    """
    strange = [one for one in strangers.unknown(eyes) if eyes.ledger.get(naming.record_of(one.name)) is None]
    found = [one for one in strange if await strangers.marker(eyes, one) == facts.marker]
    return replace(facts, marked=tuple(found))


def _moment(eyes: Eyes, record_id: str) -> float:
    """A list must be younger than this: our last effect, and one pace while much may change or is unknown."""
    row, now = eyes.ledger.get(record_id), eyes.memory.clock()
    effect_at = eyes.memory.of(record_id).effect_at
    if (row is not None and is_in_flight(row)) or eyes.view.snapshot.unknown:
        return max(effect_at, now - eyes.site.waits.poll_busy)
    return effect_at


async def listed(eyes: Eyes) -> Snapshot:
    """A new list; between two polls, while a job of ours is looked after, the newest that is allowed."""
    view = eyes.view
    if not view.is_stirred or eyes.memory.clock() >= view.snapshot.requested_at + eyes.site.waits.poll:
        return await view.renew()
    if not any(map(is_in_flight, eyes.ledger.rows(records.STACKS))):
        view.calm()
    return await view.younger_than(eyes.memory.clock()) if view.is_stirred else view.snapshot


def is_in_flight(row: LedgerRow) -> bool:
    """Coolify is at something that we asked for, or may be."""
    return bool(row.start_open or row.stage == "stopping" or row.intent)


def is_at_end(row: LedgerRow | None, listed: Mapping[str, payloads.ServiceEntry]) -> bool:
    """The list shows what a start or stop of ours was to lead to."""
    entry = listed.get(row.service_uuid) if row else None
    if row is None or entry is None:
        return False
    state = parse(entry.status)[0]
    return state == "exited" if row.stage == "stopping" else bool(row.start_open) and state == "running"


async def _tenant(eyes: Eyes, row: object, tenant_id: str) -> records.TenantRecord | None:
    if isinstance(row, dict):
        expanded = (row.get("expand") or {}).get("tenant_id")
        if isinstance(expanded, dict):
            return records.tenant(expanded)
        tenant_id = str(row.get("tenant_id") or "")
    return await eyes.tenant(tenant_id)


def _facts(eyes: Eyes, record_id: str, snapshot: Snapshot) -> StackFacts:
    row, seen = eyes.ledger.get(record_id), eyes.memory.of(record_id)
    _inherit(row, seen)
    uuid = row.service_uuid if row else ""
    entry = snapshot.services.get(uuid)
    server_uuid = entry.server_uuid if entry else (row.server_uuid if row else "")
    return StackFacts(
        id=record_id,
        now=eyes.now(),
        clock=eyes.memory.clock(),
        site=eyes.site,
        salt=(row.salt if row else "") or seen.salt,
        record=None,
        gone=False,
        tenant=None,
        tier=None,
        ledger=row,
        project_uuid="",
        host_holder=None,
        entry=entry,
        marked=snapshot.of_record(record_id),
        server=snapshot.servers.get(server_uuid),
        listed_at=snapshot.listed_at(server_uuid),
        list_is_complete=snapshot.is_complete,
        effect_at=seen.effect_at,
        exited_since=None,
        is_restart_seen=False,
        unmarked_since=None,
        strange_since=seen.strange_since,
        start_at=seen.start_at,
        stop_at=seen.stop_at,
        stop_since=None,
        began_at=eyes.memory.began_at,
        skew=eyes.skew(),
        look=_kept_look(eyes, record_id, entry, snapshot),
        refused_hash=seen.refused_hash,
        refusal=seen.refusal,
    )


def _inherit(row: LedgerRow | None, seen: memory.Sighting) -> None:
    """An open start that an earlier process began: whether it was seen down since is not known."""
    if row is not None and row.start_open and seen.effect_at == memory.NEVER:
        seen.is_restart_seen = seen.is_restart_seen and seen.exited_last > memory.NEVER


def _kept_look(
    eyes: Eyes, record_id: str, entry: payloads.ServiceEntry | None, snapshot: Snapshot
) -> naming.Look | None:
    """The last look while it counts: a proof while its entry stays, a strange one for a while."""
    seen, now = eyes.memory.of(record_id), eyes.memory.clock()
    match seen.look:
        case naming.Proof() as proof:
            if entry is None:
                known_until = max(proof.read_at, seen.effect_at)
                return None if snapshot.is_complete and snapshot.requested_at > known_until else proof
            as_listed = (entry.name, entry.updated_at)
            if seen.look_entry == ("", "") and entry.name == proof.name:
                seen.look_entry = as_listed
            return proof if seen.look_entry == as_listed else None
        case naming.Foreign() | naming.Missing() as strange:
            return strange if now - strange.read_at < eyes.site.waits.two_looks else None
        case None:
            return None


def _seen(eyes: Eyes, facts: StackFacts, snapshot: Snapshot) -> StackFacts:
    """What this list says is remembered: since when exited, since when without our marker."""
    seen = eyes.memory.of(facts.id)
    if facts.entry is not None:
        state = parse(facts.entry.status)[0]
        eyes.memory.listed(facts.id, state=state, requested_at=facts.listed_at)
    if facts.marked:
        seen.unmarked_since = None
    elif facts.list_is_complete and snapshot.requested_at >= unborn.window_ends(facts):
        seen.unmarked_since = seen.unmarked_since or snapshot.requested_at
    if facts.server is not None and not (facts.server.is_usable and facts.server.is_reachable):
        seen.away_at = facts.clock
    tenant_id = facts.record.tenant_id if facts.record else (facts.ledger.tenant_id if facts.ledger else "")
    witness = seen.witness
    return replace(
        facts,
        autopsy=seen.autopsy,
        witness=witness if witness and witness.requested_at > seen.effect_at else None,
        exited_since=seen.exited_since,
        stop_since=seen.stop_since,
        away_at=seen.away_at,
        is_restart_seen=seen.is_restart_seen,
        unmarked_since=seen.unmarked_since,
        project_uuid=_project_of(eyes, tenant_id),
        is_project_held=tenant_id in eyes.memory.project_holds,
    )


def _project_of(eyes: Eyes, tenant_id: str) -> str:
    """The tenant's project, unless it is gone or may be."""
    row = eyes.ledger.get(tenant_id)
    is_sure = row is not None and row.stage != "closed" and tenant_id not in eyes.memory.project_doubts
    return row.project_uuid if row and is_sure else ""


def _is_stale(seen: memory.Sighting, record: records.StackRecord | None, now: float) -> bool:
    action, done_at = seen.action_done
    return record is not None and record.action == action != "" and now - done_at < STALE_ACTION
