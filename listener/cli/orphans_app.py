# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""`cloudfreedom orphans`, with its arguments."""

from __future__ import annotations

from typing import Annotated

import typer

from listener.cli.arguments import Json, Timeout, Yes, end

app = typer.Typer(help="What has no record any more: list it, and let its data go.")


@app.callback(invoke_without_command=True)
def orphans(ctx: typer.Context, as_json: Json) -> None:
    """List services without a record, kept ones of deleted records, and what is none of ours."""
    from listener.cli import orphans

    if ctx.invoked_subcommand is None:
        orphans.show_all(as_json=as_json)


@app.command()
def approve(
    stack: Annotated[str, typer.Argument(metavar="ID", help="The id that the list shows.")],
    yes: Yes = False,
    timeout: Timeout = 60,
) -> None:
    """Let an orphan's data be removed when its retention is over."""
    from listener.cli import orphans

    end(orphans.approve(stack, yes=yes, confirm=typer.confirm, seconds=timeout))
