"""Requests about kept secrets: set one, make one anew, seal all with the first key."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from handlers import making, records, steps
from handlers.eyes import Eyes
from listener import contract, errors
from listener.compose.catalog import Catalog
from listener.compose.manifest import NAME, Parameter
from listener.pocketbase.client import quoted
from listener.secrets import generation

SET, ROTATE, RESEAL = "secret_set", "secret_rotate", "secrets_reseal"
VERBS = (SET, ROTATE, RESEAL)


@dataclass(frozen=True, slots=True)
class Asked:
    """Verb, whose secret, its name, the sealed value to set, and who asks."""

    verb: str
    target: str
    name: str
    sealed: str
    actor: str
    is_forced: bool
    """A secret that must stay as it is is made anew all the same."""


async def acts(eyes: Eyes, catalog: Catalog, asked: Asked, *, key: contract.Key) -> tuple[contract.Step, ...]:
    """The steps of a request; raises the refusal that closes it. The last one is a `steps.Record`."""
    if asked.verb == RESEAL:
        entry = steps.Entry("request.secrets_reseal", "done", f"asked by {asked.actor}")
        return (making.Reseal(), steps.Record(of=key, entry=entry))
    secret = await (_set if asked.verb == SET else _anew)(eyes, catalog, asked)
    detail = {"name": asked.name}
    entry = steps.Entry(f"request.{asked.verb}", "done", f"asked by {asked.actor}", detail)
    owner = contract.Key(records.STACKS if secret.stack_id else records.TENANTS, asked.target)
    return (steps.Record(of=owner, entry=entry, secrets=(secret,)),)


async def wakes(eyes: Eyes, asked: Asked) -> tuple[contract.Key, ...]:
    """The stacks that a changed secret goes to."""
    if asked.verb == RESEAL:
        return ()
    wanted = f"id={quoted(asked.target)} || tenant_id={quoted(asked.target)}"
    rows = await eyes.database.list(records.STACKS, filter=wanted, fields="id")
    return tuple(contract.Key(records.STACKS, row["id"]) for row in rows)


async def _set(eyes: Eyes, catalog: Catalog, asked: Asked) -> steps.Secret:
    value = eyes.vault.unsealed(asked.sealed)
    if not NAME.fullmatch(asked.name) or not value.strip():
        raise _refused("a secret has a name such as CLOUDFREEDOM_API_KEY, and a value")
    stack = await _stack(eyes, asked.target)
    if stack is None:
        tenant = await eyes.tenant(asked.target)
        if tenant is None:
            raise _refused("there is no stack and no tenant of that id")
        return steps.Secret("", tenant.id, asked.name, SecretStr(value))
    parameter = _parameter(catalog, stack, asked.name)
    if parameter.generated and not asked.is_forced:
        raise _refused(f"{asked.name} is made by the listener; a value of one's own needs --force")
    return steps.Secret(stack.id, stack.tenant_id, asked.name, SecretStr(value))


async def _anew(eyes: Eyes, catalog: Catalog, asked: Asked) -> steps.Secret:
    stack = await _stack(eyes, asked.target)
    if stack is None:
        raise _refused("only a stack's generated secrets can be made anew")
    parameter = _parameter(catalog, stack, asked.name)
    if not parameter.generated:
        raise _refused(f"{asked.name} is not made by the listener: set it to its new value")
    if parameter.stable and not asked.is_forced:
        raise _refused(f"what {asked.name} encrypted is lost with a new one; --force does it all the same")
    value = generation.made(parameter.generated)
    return steps.Secret(stack.id, stack.tenant_id, asked.name, SecretStr(value))


async def _stack(eyes: Eyes, record_id: str) -> records.StackRecord | None:
    row = await eyes.database.get(records.STACKS, record_id) if record_id else None
    return records.stack(row) if row else None


def _parameter(catalog: Catalog, stack: records.StackRecord, name: str) -> Parameter:
    template = catalog.get(stack.template)
    known = {one.name: one for one in template.manifest.parameters} if template else {}
    if name not in known or known[name].from_platform:
        names = ", ".join(sorted(one.name for one in known.values() if not one.from_platform)) or "none"
        raise _refused(f"{name[:64]} is not a variable of {stack.template}, which has {names}")
    return known[name]


def _refused(why: str) -> errors.Refusal:
    return errors.Refusal("SECRET_REFUSED", "Nothing was changed.", why=why, fix="look at `secrets list`")
