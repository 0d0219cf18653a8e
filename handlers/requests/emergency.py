"""Staff's emergency stop: a hold says that it must not run, this makes that the next thing that happens.

Nothing is stopped here: the stacks are looked at before everything else, without block, backoff or brake. So
the proof that a service is ours is asked for as ever.
"""

from __future__ import annotations

from handlers import brake, records, steps
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow
from listener import contract, errors
from listener.pocketbase.client import quoted

VERB = "stop_now"


async def acts(
    eyes: Eyes, target: str, actor: str
) -> tuple[tuple[steps.Record, ...], tuple[contract.Key, ...]]:
    """The steps, and the stacks that are looked at first; raises `STOP_NOW_REFUSED` when there are none."""
    condition = f"id={quoted(target)} || tenant_id={quoted(target)}"
    listed = await eyes.database.list(records.STACKS, filter=condition, fields="id,desired_state")
    states = {row["id"]: str(row["desired_state"]) for row in listed}
    known = [row for row in eyes.ledger.rows(records.STACKS) if target in (row.id, row.tenant_id)]
    ids = sorted({*states, *(row.id for row in known if row.stage != "closed")})
    if not ids:
        why = "no stack and no tenant with stacks has that id"
        raise errors.Refusal("STOP_NOW_REFUSED", "Nothing was stopped.", why=why, fix="`cloudfreedom list`")
    freed = [_freed(row, states.get(row.id, "deleted")) for row in known]
    of = contract.Key(records.STACKS if target in ids else records.TENANTS, target)
    entry = steps.Entry("request.stop_now", "done", f"asked by {actor}", {"stacks": len(ids)})
    keys = tuple(contract.Key(records.STACKS, one) for one in ids)
    return (*(step for step in freed if step), steps.Record(of=of, entry=entry)), keys


def _freed(row: LedgerRow, state: str) -> steps.Record | None:
    """Neither its block nor the brake is in the way any more."""
    changes: dict[str, object] = {}
    if row.blocked:
        changes["blocked"] = ""
    if state == "deleted" and not row.stage and row.service_uuid:
        changes["applied_spec"] = {**row.made, brake.APPROVED: "stop"}
    return steps.Record(of=contract.Key(records.STACKS, row.id), ledger=changes) if changes else None
