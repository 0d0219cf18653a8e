# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""What is taken out for good: `erase`."""

from __future__ import annotations

from typing import Annotated

import typer

from listener.cli.arguments import STACK_HELP, Timeout, Yes, end

app = typer.Typer()


@app.command()
def erase(
    *,
    stack: Annotated[
        str, typer.Argument(metavar="[STACK]", help=f"{STACK_HELP}; its record may be gone")
    ] = "",
    tenant: Annotated[
        str, typer.Option(metavar="SLUG", help="This tenant's deleted stacks; itself when none is left.")
    ] = "",
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Number of the letter or ticket; it stays in the audit.")
    ],
    yes: Yes = False,
    timeout: Timeout = 60,
) -> None:
    """Leave nothing personal of a deleted stack, or of a tenant.

    It skips the rest of the retention; it cannot be undone once the data is removed.
    """
    from listener.cli import erase

    if bool(stack) == bool(tenant):
        raise typer.BadParameter("give STACK, or --tenant SLUG")
    what = erase.stack if stack else erase.tenant
    end(what(stack or tenant, reason, yes=yes, confirm=typer.confirm, seconds=timeout))
