"""Bringing back a record that was deleted in PocketBase: same id, last spec, secrets, service.

A record that is only *wanted* deleted needs none of this: its `desired_state` is set back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from handlers import records, steps
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow
from listener import contract, errors
from listener.pocketbase.client import quoted

VERB = "undelete"


async def acts(eyes: Eyes, target: str, actor: str) -> tuple[steps.Record, ...]:
    """The one batch that makes the record again; raises `UNDELETE_REFUSED` with what stands in the way."""
    row = eyes.ledger.get(target)
    if row is None:
        raise _refused("the listener's ledger does not know it", "only a backup of PocketBase has it")
    if row.stage == "closed" or (row.intent or {}).get("what") == "delete":
        raise _refused("its data is removed, so it is too late", "make a new one")
    if not row.last_spec:
        raise _refused("nothing is kept of its record", "make a record with this id by hand, then `adopt` it")
    if await eyes.database.get(row.kind, target) is not None:
        raise _refused("its record is there", "set `desired_state` back to `running`")
    spec: dict[str, Any] = json.loads(eyes.vault.unsealed(row.last_spec))
    entry, key = steps.Entry("record.undelete", "done", f"asked by {actor}"), contract.Key(row.kind, target)
    if row.kind == records.STACKS:
        return (steps.Record(of=key, revive=await _stack(eyes, row, spec), entry=entry),)
    body = await _tenant(eyes, spec)
    # PocketBase refuses a relation to a user who is gone; the tenant comes back all the same, without owners.
    owners = {"owners": body.pop("owners")} if "owners" in body else {}
    return (steps.Record(of=key, revive=body, show=owners, entry=entry),)


async def _stack(eyes: Eyes, row: LedgerRow, spec: Mapping[str, Any]) -> dict[str, Any]:
    name, tenant_id = str(spec.get("stack_name") or ""), row.tenant_id
    if await eyes.tenant(tenant_id) is None:
        raise _refused(
            "its tenant's record is gone too", f"`cloudfreedom undelete --tenant {tenant_id}` first"
        )
    wanted = f"tenant_id={quoted(tenant_id)} && stack_name={quoted(name)} && desired_state!='deleted'"
    taken = await eyes.database.page_first(records.STACKS, wanted)
    if taken is not None:
        raise _refused(f"its name {name!r} is used by the newer stack {taken['id']}", "rename that one first")
    state = row.made.get("wish") or spec.get("desired_state") or "running"
    return _filled(spec) | {"tenant_id": tenant_id, "status": "pending", "desired_state": state}


async def _tenant(eyes: Eyes, spec: Mapping[str, Any]) -> dict[str, Any]:
    slug = str(spec.get("slug") or "")
    taken = await eyes.database.page_first(records.TENANTS, f"slug={quoted(slug)}")
    if taken is not None:
        raise _refused(f"its slug {slug!r} is used by tenant {taken['id']}", "give that one another slug")
    return _filled(spec)


def _filled(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "id" and value not in ("", None, [])}


def _refused(why: str, fix: str) -> errors.Refusal:
    return errors.Refusal("UNDELETE_REFUSED", f"It was not brought back: {why}.", why=why, fix=fix)
