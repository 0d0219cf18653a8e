"""`cloudfreedom secrets`: what is kept sealed for a stack or a tenant. Changes travel sealed, as requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from handlers import records, vault
from handlers.requests import secrets as requests
from listener import errors
from listener.cli import audit, command, configured, reach, rows, show
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase, quoted
from listener.secrets.sealing import Sealer

Agree = Callable[[str], bool]
"""A person says yes to the question, or did so beforehand."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose secrets are meant: a stack's, or those of a tenant for all its stacks."""

    id: str
    name: str
    stack_id: str
    tenant_id: str


@dataclass(frozen=True, slots=True)
class Named:
    """How a person names the owner: a stack, or a tenant's slug."""

    stack: str = ""
    tenant: str = ""


def show_list(whose: Named, *, as_json: bool) -> Exit:
    """Names, generations and dates; no value."""
    found = reach.run(partial(_list, whose))
    if as_json:
        show.as_json(found)
        return Exit.DONE
    show.columns(found)
    show.line(f"{len(found)} secret{'' if len(found) == 1 else 's'}.")
    return Exit.DONE


def put(whose: Named, name: str, value: str, *, force: bool, seconds: float) -> Exit:
    """The value is sealed here and kept by the leader; the stack gets it at once."""
    return reach.run(partial(_put, whose, name, value, force=force, seconds=seconds))


def rotate(stack: str, name: str, *, force: bool, agree: Agree, seconds: float) -> Exit:
    """The leader makes a new value and sends it."""
    return reach.run(partial(_rotate, Named(stack), name, force=force, agree=agree, seconds=seconds))


def reseal(*, seconds: float) -> Exit:
    """The leader seals everything with its first key."""
    return reach.run(partial(_reseal, seconds))


def reveal(whose: Named, name: str) -> Exit:
    """The value is printed, after the audit says so."""
    print(reach.run(partial(_reveal, whose, name)))
    return Exit.DONE


async def opened(known: PocketBase, keys: Sequence[str], stack_id: str, tenant_id: str) -> dict[str, str]:
    """Name to value of what is kept for a stack or its tenant; raises `SEAL_BROKEN`."""
    kept = vault.Vault(Sealer(keys).open)
    owners = (Owner(tenant_id, "", "", tenant_id), Owner(stack_id, "", stack_id, tenant_id))
    return {row.name: kept.open(row) for owner in owners for row in await _rows(known, owner)}


async def _list(whose: Named) -> list[dict[str, str]]:
    async with reach.database(configured.load(configured.Database)) as known:
        owner = await _owner(known, whose)
        found = [
            {"name": row.name, "of": "stack", "generation": str(row.generation)}
            for row in await _rows(known, owner)
        ]
        if owner.stack_id:
            whole = Owner(owner.tenant_id, "", "", owner.tenant_id)
            found += [
                {"name": row.name, "of": "tenant", "generation": str(row.generation)}
                for row in await _rows(known, whole)
            ]
        return found


async def _put(whose: Named, name: str, value: str, *, force: bool, seconds: float) -> Exit:
    settings = configured.load(configured.Database)
    sealed = Sealer(settings.listener_secrets_key).seal(value)
    async with reach.database(settings) as known:
        owner = await _owner(known, whose)
        arguments = {"name": name, "value": sealed} | ({"force": "yes"} if force else {})
        return await command.carried_out(known, requests.SET, owner.id, arguments, seconds)


async def _rotate(whose: Named, name: str, *, force: bool, agree: Agree, seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        owner = await _owner(known, whose)
        question = f"Make a new {name} for {owner.name}? The present one stops working; the stack restarts."
        if not agree(question):
            return Exit.FAILED
        arguments = {"name": name} | ({"force": "yes"} if force else {})
        return await command.carried_out(known, requests.ROTATE, owner.id, arguments, seconds)


async def _reseal(seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        return await command.carried_out(known, requests.RESEAL, "", {}, seconds)


async def _reveal(whose: Named, name: str) -> str:
    settings = configured.load(configured.Database)
    kept = vault.Vault(Sealer(settings.listener_secrets_key).open)
    async with reach.database(settings) as known:
        owner = await _owner(known, whose)
        for row in await _rows(known, owner):
            if row.name == name:
                value = kept.open(row)
                await _audit(known, owner, name)
                return value
        raise errors.Terminal(
            "SECRET_UNKNOWN",
            f"{owner.name} has no secret {name!r}",
            why="none of that name is kept",
            fix="`cloudfreedom secrets list` shows the names",
        )


async def _audit(known: PocketBase, owner: Owner, name: str) -> None:
    """Whoever sees a secret is on record before it is shown."""
    whose = {"stack_id": owner.stack_id, "tenant_id": owner.tenant_id}
    said = audit.line("secret.reveal", **whose, detail={"name": name})
    await reach.writer(known).commit([said])


async def _owner(known: PocketBase, whose: Named) -> Owner:
    if slug := whose.tenant:
        found = await known.list(records.TENANTS, filter=f"slug={quoted(slug)}", fields="id")
        if not found:
            raise errors.Terminal(
                "TENANT_UNKNOWN",
                f"there is no tenant {slug!r}",
                why="no record has that slug",
                fix="`cloudfreedom tenants` shows all",
            )
        return Owner(found[0]["id"], f"tenant {slug}", "", found[0]["id"])
    picked = await rows.pick(known, whose.stack)
    record = await known.get(records.STACKS, picked.id) or {}
    return Owner(picked.id, picked.name, picked.id, str(record.get("tenant_id") or ""))


async def _rows(known: PocketBase, owner: Owner) -> list[vault.SecretRow]:
    wanted = f"stack_id={quoted(owner.stack_id)} && tenant_id={quoted(owner.tenant_id)}"
    found = await known.list(vault.COLLECTION, filter=wanted)
    return sorted((vault.SecretRow.model_validate(row) for row in found), key=lambda row: row.name)
