"""`cloudfreedom explain`: why one stack is as it is, from all that is known of it, without its secrets."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from handlers import ledger, naming, records
from handlers.stacks.facts import StackFacts
from listener import settings
from listener.cli import (
    account,
    audit,
    away,
    configured,
    decisions,
    idle,
    lease,
    markers,
    plan,
    reach,
    rows,
    show,
)
from listener.pocketbase.client import PocketBase, quoted

OPERATIONS = 15
"""How many of the last ones are shown."""

Told = account.Told


def explain(named: str, *, as_json: bool) -> None:
    """What record, ledger and Coolify say of the stack, and what would be done now, printed."""
    source, told = reach.run(partial(gather, named))
    source.tell()
    if as_json:
        show.as_json({**source.json(), **told})
        return
    for title, text in account.lines(told):
        show.line(f"{title:<10} {text}")


async def gather(named: str) -> tuple[away.Source, Told]:
    """By both sides; by the records when Coolify is away, by the markers when PocketBase is."""
    wanted = configured.load(configured.Database)
    configured.load(settings.Settings)
    try:
        async with reach.database(wanted) as known:
            stack, told = await _recorded(wanted, known, named)
            try:
                async with idle.ready() as here:
                    return away.PRESENT, told | await _judged(here, stack)
            except away.AWAY as error:
                if not error.code.startswith("COOLIFY"):
                    raise
                return away.without("coolify", error), told
    except away.AWAY as error:
        one = markers.pick(await away.marked(wanted, error), named)
        return away.without("pocketbase", error), {"stack": None, "coolify": one.json()}


async def _recorded(wanted: configured.Database, known: PocketBase, named: str) -> tuple[rows.Stack, Told]:
    """What PocketBase tells: record, tenant, ledger, the last operations, and who leads."""
    stack = await rows.pick(known, named)
    row = await known.get(records.STACKS, stack.id, expand="tenant_id") or {}
    owner = (row.get("expand") or {}).get("tenant_id")
    tenant = records.tenant(owner) if owner else None
    kept = await known.get(ledger.COLLECTION, stack.id)
    return stack, {
        "stack": {"name": stack.name, **stack.json()},
        "tenant": tenant and {"status": tenant.status, "hold": tenant.hold, "tier": tenant.tier},
        "ledger": _remembered(ledger.LedgerRow.read(kept)) if kept else None,
        "coolify": None,
        "proof": None,
        "now": None,
        "listener": str(await lease.read(known)),
        "operations": await _operations(known, stack.id),
        "decisions": decisions.last(wanted, stack.id),
    }


def _remembered(row: ledger.LedgerRow) -> Told:
    """A ledger's row as people may see it: no hash, no salt, no sealed spec."""
    intent = row.intent or {}
    dates = {"deletion_seen": row.deletion_seen, "purge_announced": row.purge_announced}
    return {
        "service_uuid": row.service_uuid,
        "project_uuid": row.project_uuid,
        "server_uuid": row.server_uuid,
        "template": row.template,
        "template_version": row.template_version,
        "domain": row.domain,
        "stage": row.stage or "live",
        "intent": str(intent.get("what") or ""),
        "intent_begun": str(intent.get("begun") or ""),
        "blocked": row.blocked,
        "retention_days": row.retention_days,
        "hash_known": bool(row.applied_hash),
        **{name: moment.isoformat() if moment else "" for name, moment in dates.items()},
    }


async def _operations(known: PocketBase, record_id: str) -> list[dict[str, str]]:
    """The last operations, oldest first."""
    names = ("verb", "outcome", "actor", "reason")
    return [
        {"at": str(row.get("begun") or row.get("ended") or ""), **{n: str(row.get(n) or "") for n in names}}
        for row in await audit.last(known, f"stack_id={quoted(record_id)}", OPERATIONS)
    ]


async def _judged(here: idle.Idle, stack: rows.Stack) -> Told:
    """What Coolify shows, whether that is ours, and what would be done."""
    facts, want, made = await here.explain(stack.id)
    found = plan.finding(stack.name, facts, want, made, catalog=here.app.catalog)
    return {
        "coolify": _seen(facts),
        "proof": await _proof(here, facts),
        "now": {
            "kind": found.kind,
            "text": found.text,
            "steps": list(found.lines),
            "rule": made.reason,
            "again": made.again,
            "held": here.app.eyes.is_first_contact,
        },
    }


def _seen(facts: StackFacts) -> Told | None:
    """The ledger's service in Coolify's list, or the one with the record's id in its name."""
    entry = facts.entry or next(iter(facts.marked), None)
    if entry is None:
        return None
    names = asdict(entry)
    kept = {name: names[name] for name in ("name", "uuid", "status", "server_uuid")}
    return {**kept, "age_seconds": round(facts.clock - facts.listed_at, 1), "marked": len(facts.marked)}


async def _proof(here: idle.Idle, facts: StackFacts) -> Told:
    """Whether the service is this stack's, by a look at its description."""
    look = facts.look
    uuid = facts.ledger.service_uuid if facts.ledger else ""
    if look is None and uuid:
        look = await here.app.eyes.look(uuid, facts.marker)
    match look:
        case naming.Proof():
            return {"ours": True, "text": "ours: its description names installation, tenant and record"}
        case naming.Foreign():
            text = f"not ours: the description of {look.uuid} is not “{facts.marker}”; nothing is touched"
        case naming.Missing():
            text = f"none: Coolify has no service {look.uuid}"
        case None if facts.ledger is None and facts.marked:
            text = f"none: {len(facts.marked)} services carry this record's id, and the ledger knows none"
        case None:
            text = "nothing to prove: the ledger knows no service"
    return {"ours": False, "text": text}
