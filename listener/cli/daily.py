# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""Stacks' daily life, as commands of `cloudfreedom`: look into them, and write what is wanted of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli.arguments import AnyStack, Json, Some, Stack, Timeout, Wait, Yes, end

if TYPE_CHECKING:
    from listener.cli import rows, wishes

app = typer.Typer()
Tenant = Annotated[str, typer.Option(metavar="SLUG", help="Instead of STACK: all of this tenant's.")]


@app.command()
def tenants(as_json: Json) -> None:
    """List the tenants."""
    from listener.cli import listing

    listing.tenants(as_json=as_json)


@app.command("list")
def list_stacks(
    *,
    tenant: Annotated[str, typer.Option(metavar="SLUG", help="Only this tenant's.")] = "",
    as_json: Json,
) -> None:
    """List the stacks."""
    from listener.cli import listing

    listing.stacks(tenant=tenant, as_json=as_json)


@app.command()
def status(
    *,
    stack: AnyStack = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    as_json: Json,
) -> None:
    """Show how everything, or one stack, is doing.

    With --watch a terminal is drawn anew; a pipe gets a line for whatever changes.
    """
    from listener.cli import listing, watching

    if watch:
        watching.status(stack=stack, as_json=as_json)
    listing.status(stack=stack, as_json=as_json)


@app.command()
def explain(*, stack: Stack, as_json: Json) -> None:
    """Tell why a stack is as it is, and what comes next."""
    from listener.cli import explain

    explain.explain(stack, as_json=as_json)


@app.command()
def timeline(
    *,
    stack: Stack,
    lines: Annotated[int, typer.Option(min=1, max=500, metavar="N", help="How many of the last.")] = 30,
    as_json: Json,
) -> None:
    """Show a stack's history, as its tenant reads it."""
    from listener.cli import timeline

    timeline.timeline(stack, lines=lines, as_json=as_json)


@app.command()
def logs(
    stack: Stack,
    container: Annotated[str, typer.Option(metavar="NAME", help="Which one, if there are several.")] = "",
    tail: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many lines.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new lines until Ctrl-C.")] = False,
) -> None:
    """Show what a stack's container printed.

    Read through Coolify, which has logs of running containers only. The stack's secrets are masked.
    """
    from listener.cli import logs, reach

    end(reach.run(partial(logs.logs, stack, container=container, tail=tail, follow=follow)))


@app.command()
def suspend(
    *,
    stack: Some = "",
    now: Annotated[bool, typer.Option("--now", help="Emergency: before everything else, on hold.")] = False,
    tenant: Tenant = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="With --now: the tenant reads it.")] = "",
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = 600,
) -> None:
    """Stop a stack and keep its data.

    With --now staff stops it over its tenant's head, past brake, backoff and queue; what cannot be
    stopped through Coolify is named with its docker command.
    """
    from listener.cli import emergency, wishes

    if bool(stack) == bool(tenant) or (reason and not now):
        raise typer.BadParameter("give STACK or --tenant SLUG; --reason goes with --now")
    if now:
        why = reason.strip() or "emergency stop by the operator"
        order = emergency.Order(stack, tenant, why, yes=yes)
        end(emergency.stop(order, confirm=typer.confirm, seconds=min(timeout, 60)))
    _wish("suspend", wishes.suspend, stack, tenant, yes=yes, wait=wait, seconds=timeout)


@app.command()
def resume(*, stack: Some = "", tenant: Tenant = "", wait: Wait = False, timeout: Timeout = 600) -> None:
    """Let a suspended stack run again."""
    from listener.cli import wishes

    _wish("resume", wishes.resume, stack, tenant, yes=True, wait=wait, seconds=timeout)


@app.command()
def restart(
    *, stack: Some = "", tenant: Tenant = "", yes: Yes = False, wait: Wait = False, timeout: Timeout = 600
) -> None:
    """Restart a running stack, once."""
    from listener.cli import wishes

    _wish("restart", wishes.restart, stack, tenant, yes=yes, wait=wait, seconds=timeout)


@app.command()
def delete(
    *, stack: Some = "", tenant: Tenant = "", yes: Yes = False, wait: Wait = False, timeout: Timeout = 600
) -> None:
    """Delete a stack; its data is kept for its tariff's time.

    Says until when, and asks for the stack's name, or for the tenant's.
    """
    from listener.cli import wishes

    _wish("delete", wishes.delete, stack, tenant, yes=yes, wait=wait, seconds=timeout)


@app.command()
def hold(
    *,
    stack: Some = "",
    tenant: Tenant = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Suspend it; its tenant reads why.")] = "",
    clear: Annotated[bool, typer.Option("--clear", help="End the hold.")] = False,
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = 600,
) -> None:
    """Suspend a stack over its tenant's head, or end that."""
    from listener.cli import wishes

    reason = reason.strip()
    if bool(reason) == clear:
        raise typer.BadParameter("give either --reason TEXT or --clear", param_hint="hold")
    verb = "unhold" if clear else "hold"
    _wish(verb, wishes.hold(reason), stack, tenant, yes=yes, wait=wait, seconds=timeout)


def _wish(
    verb: str,
    wish: Callable[[rows.Stack], wishes.Wish],
    stack: str,
    tenant: str,
    *,
    yes: bool,
    wait: bool,
    seconds: float,
) -> None:
    """The wish is written for the stack, or for all of the tenant's."""
    from listener.cli import reach, wishing

    if bool(stack) == bool(tenant):
        raise typer.BadParameter("give STACK or --tenant SLUG")
    order = wishing.Order(verb, wish, stack, tenant, yes=yes, wait=wait, seconds=seconds)
    voice = wishing.Voice(typer.confirm, partial(typer.prompt, default="", show_default=False))
    end(reach.run(partial(wishing.ask, order, voice)))
