# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""What goes and what comes back: `deletions`, `undelete`, `approve`, `purge`."""

from __future__ import annotations

from typing import Annotated

import typer

from listener.cli.arguments import Json, Some, Stack, Timeout, Yes, end

app = typer.Typer()


@app.command()
def deletions(
    *,
    tenant: Annotated[str, typer.Option(metavar="SLUG", help="Only this tenant's (also by id).")] = "",
    as_json: Json,
) -> None:
    """Show what is being deleted and what waits for approval.

    Also stacks whose record was deleted in PocketBase.
    """
    from listener.cli import deletions

    end(deletions.show_all(tenant=tenant, as_json=as_json))


@app.command()
def undelete(
    *,
    stack: Some = "",
    tenant: Annotated[
        str, typer.Option(metavar="SLUG", help="This tenant's stacks, and itself if it is gone (also by id).")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            metavar="SPAN",
            help="Only what was deleted within 90m, 2h, 3d; alone: of all, with their tenants.",
        ),
    ] = "",
    yes: Yes = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table; with --yes.")] = False,
    timeout: Timeout = 60,
) -> None:
    """Bring back what was deleted, as long as its data is there.

    Also what was deleted in PocketBase: with the same id, settings and secrets.
    """
    from listener.cli import deletions

    if bool(stack) == bool(tenant or since):
        raise typer.BadParameter("give STACK, or --tenant SLUG and/or --since SPAN")
    if as_json and not yes:
        raise typer.BadParameter("--json needs --yes")
    wanted = deletions.Wanted(stack, tenant, since)
    end(deletions.undelete(wanted, yes=yes, as_json=as_json, confirm=typer.confirm, seconds=timeout))


@app.command()
def approve(
    *,
    stack: Some = "",
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Every deletion that the brake holds back.")
    ] = False,
    yes: Yes = False,
    timeout: Timeout = 60,
) -> None:
    """Let a deletion pass the brake, or a template replace what was adopted."""
    from listener.cli import command, deletions

    if bool(stack) == waiting:
        raise typer.BadParameter("give STACK, or --waiting")
    if waiting:
        end(deletions.approve(yes=yes, confirm=typer.confirm, seconds=timeout))
    end(command.ask("approve", stack, yes=yes, confirm=typer.confirm, seconds=timeout))


@app.command()
def purge(
    stack: Stack,
    *,
    without_backup: Annotated[
        bool, typer.Option("--without-backup", help="Also where no copy of its data is proven.")
    ] = False,
    yes: Yes = False,
    timeout: Timeout = 60,
) -> None:
    """Remove a deleted stack's data before its time, once a copy of it is proven.

    `cloudfreedom backup run` makes and proves that copy.
    """
    from listener.cli import deletions

    end(deletions.purge(stack, bare=without_backup, yes=yes, confirm=typer.confirm, seconds=timeout))
