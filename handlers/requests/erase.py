"""Erasure of a deleted stack, or of a tenant without stacks: what a request does, or its refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping

from handlers import erasing, ledger, records, steps
from handlers.eyes import Eyes
from handlers.stacks import erasure
from handlers.stacks.handler import StackHandler
from handlers.tenants import removal
from listener import contract, errors
from listener.pocketbase.client import quoted

VERB = "erase"
REASON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{0,39}")
"""A reason that may stay in the audit: the number of a letter or ticket, and never a sentence."""
RESTING = ("inactive", "suspended")
"""What the `status` of a tenant must be before it can be erased."""


def asked(actor: str, reason: str) -> str:
    """What the audit keeps of who asked and why; a reason that may be about a person is left out."""
    said = f" · {reason}" if REASON.fullmatch(reason) else ""
    return f"asked by {actor or 'unknown'}{said}"


async def acts(
    eyes: Eyes, stacks: StackHandler, target: str, by: str
) -> tuple[tuple[contract.Step, ...], tuple[contract.Key, ...]]:
    """The steps, and whom to look at afterwards; raises `ERASE_REFUSED` with what stands in the way."""
    tenant, row = await eyes.tenant(target), eyes.ledger.get(target)
    entry = steps.Entry(f"request.{VERB}", "done", by)
    if tenant is None and (row is None or row.kind != records.TENANTS):
        key = contract.Key(records.STACKS, target)
        facts, _, _ = await stacks.explain(key)
        return (steps.Record(of=key, ledger=erasure.ask(facts, by), entry=entry),), (key,)
    key = contract.Key(records.TENANTS, target)
    _judge(tenant, row, await _left(eyes, target))
    return (erasing.Erase(key, by), steps.Record(of=key, entry=entry)), (key,)


async def _left(eyes: Eyes, tenant_id: str) -> Mapping[str, str]:
    """Stacks of the tenant of which anything is kept: by id, how they are called."""
    kept = [row for row in eyes.ledger.rows(records.STACKS) if row.tenant_id == tenant_id]
    found = await eyes.database.list(
        records.STACKS, filter=f"tenant_id={quoted(tenant_id)}", fields="stack_name"
    )
    return {row.id: row.id for row in kept} | {row["id"]: str(row["stack_name"]) for row in found}


def _judge(
    tenant: records.TenantRecord | None, row: ledger.LedgerRow | None, left: Mapping[str, str]
) -> None:
    if left:
        raise _refused(
            f"something of {len(left)} of its stacks is kept: {', '.join(sorted(left.values())[:10])}",
            "delete and erase its stacks first: `cloudfreedom erase --tenant`",
        )
    if tenant is not None and tenant.status not in RESTING:
        raise _refused(f"it is {tenant.status}", "set its `status` to `inactive` first")
    if row is not None and (
        row.intent or (tenant is None and row.project_uuid and row.stage != removal.CLOSED)
    ):
        raise _refused("its project is just being made or deleted", "ask again in some minutes")


def _refused(why: str, fix: str) -> errors.Refusal:
    return errors.Refusal("ERASE_REFUSED", f"erase: the tenant was not erased: {why}.", why=why, fix=fix)
