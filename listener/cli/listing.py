"""`cloudfreedom tenants`, `list` and `status`: what there is, read from PocketBase."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import partial

from handlers import eyes
from listener import errors, transport
from listener.cli import configured, lease, reach, rows, show
from listener.coolify import budget, client
from listener.pocketbase.client import quoted
from listener.pocketbase.schema_model import VERSION


def tenants(*, as_json: bool) -> None:
    """Every tenant, by slug."""
    settings = configured.load(configured.Database)
    found = reach.run(partial(_tenants, settings))
    if as_json:
        show.as_json(found)
        return
    show.columns(found)
    show.line(f"{len(found)} tenant{'' if len(found) == 1 else 's'}.")


def stacks(*, tenant: str, as_json: bool) -> None:
    """Every stack, or one tenant's."""
    settings = configured.load(configured.Database)
    found = reach.run(partial(_stacks, settings, tenant))
    if as_json:
        show.as_json([one.json() for one in found])
        return
    names = ("tenant", "stack", "template", "domain", "wanted", "status", "id")
    show.columns([{name: one.json()[name] for name in names} for one in found])
    show.line(f"{len(found)} stack{'' if len(found) == 1 else 's'}.")


def status(*, stack: str, as_json: bool) -> None:
    """Who leads, what Coolify says, and how every stack, or one, is doing."""
    settings = configured.load(configured.Database)
    led, head, found = reach.run(partial(_status, settings, stack))
    if as_json:
        lead = {"leads": led.is_led, **asdict(led)}
        show.as_json({"lease": lead, **head, "stacks": [one.json() for one in found]})
        return
    for name, value in {"listener": str(led), **head}.items():
        show.line(f"{name.capitalize():<10} {value}")
    print()
    if stack:
        for name, text in found[0].json().items():
            show.line(f"{name:<14} {text or '-'}")
        return
    show.columns([cells(one) for one in found])
    show.line(_counts(found))


def cells(one: rows.Stack) -> dict[str, object]:
    """The row of a stack in a table of how stacks are doing."""
    names = ("tenant", "stack", "template", "wanted", "status", "health", "message")
    return {name: one.json()[name] for name in names}


async def _tenants(settings: configured.Database) -> list[dict[str, object]]:
    async with reach.database(settings) as known:
        return await rows.tenants(known)


async def _stacks(settings: configured.Database, tenant: str) -> list[rows.Stack]:
    async with reach.database(settings) as known:
        found = await rows.stacks(known, tenant=tenant)
        if tenant and not found and await known.page_first("tenants", f"slug={quoted(tenant)}") is None:
            raise unknown_tenant(tenant)
        return found


async def _status(
    settings: configured.Database, stack: str
) -> tuple[lease.Lease, dict[str, str], list[rows.Stack]]:
    async with reach.database(settings) as known:
        found = [await rows.pick(known, stack)] if stack else await rows.stacks(known)
        head = {"coolify": await _coolify(settings)}
        meta = await known.get(eyes.META, "main") or {}
        if found and not meta.get("accepted_at") and not await known.page_first("listener_ledger", "id!=''"):
            head["attention"] = "first contact: nothing is done until `cloudfreedom accept`"
        if meta.get("schema_version") != VERSION:
            head["schema"] = (
                f"is {meta.get('schema_version', 0)}, not {VERSION}: run `cloudfreedom schema apply`"
            )
        return await lease.read(known), head, found


async def _coolify(settings: configured.Database) -> str:
    """Version and what is left of the request budget, or why that is not known."""
    if not settings.knows_coolify:
        return "not configured here"
    headers = {"Authorization": f"Bearer {settings.coolify_token.get_secret_value()}"}
    http = transport.client(settings.coolify_url, ca_file=settings.coolify_ca_file, headers=headers)
    async with http:
        coolify = client.Coolify(http=http, budget=budget.Budget(clock=time.monotonic))
        try:
            version = await coolify.version()
        except errors.ListenerError as error:
            return f"{error.code}: {error.why or error.what}"
    left = coolify.budget
    told = "" if left.limit is None else f" · {left.remaining} of {left.limit} requests left this minute"
    return f"{version}{told}"


def unknown_tenant(slug: str) -> errors.Terminal:
    """The error for a slug that no tenant has."""
    return errors.Terminal(
        "TENANT_UNKNOWN",
        f"there is no tenant {slug!r}",
        why="no record of `tenants` has that slug",
        fix="`cloudfreedom tenants` shows all; `deploy --create-tenant NAME` makes one",
    )


def _counts(found: list[rows.Stack]) -> str:
    words = sorted({one.status or "new" for one in found})
    parts = [f"{sum((one.status or 'new') == word for one in found)} {word}" for word in words]
    return f"{len(found)} stack{'' if len(found) == 1 else 's'}{': ' if parts else ''}{', '.join(parts)}."
