# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""The listener as a whole, as commands of `cloudfreedom`: pause it, and read what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from listener.cli.arguments import Json, end

app = typer.Typer()


@app.command()
def pause(
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown wherever the pause is.")],
    until: Annotated[
        str, typer.Option(metavar="WHEN", help="30m, 4h, 2d, or a time; 7 days at most.")
    ] = "4h",
) -> None:
    """Let the listener do nothing for a while.

    It reads on; what changes meanwhile is done afterwards. An emergency stop prints docker commands.
    """
    from listener.cli import pausing

    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    end(pausing.begin(reason.strip(), until))


@app.command()
def unpause() -> None:
    """End a pause."""
    from listener.cli import pausing

    end(pausing.end())


@app.command()
def operations(
    *,
    stack: Annotated[
        str, typer.Option(metavar="STACK", help="Only this stack's, or this gone record's.")
    ] = "",
    tenant: Annotated[str, typer.Option(metavar="SLUG", help="Only this tenant's.")] = "",
    verb: Annotated[str, typer.Option(metavar="VERB", help="Such as stack.delete, or all of `stack`.")] = "",
    outcome: Annotated[str, typer.Option(metavar="WORD", help="started, done or failed.")] = "",
    by: Annotated[str, typer.Option(metavar="WHO", help="listener, or a person.")] = "",
    since: Annotated[str, typer.Option(metavar="SPAN", help="30m, 4h, 2d.")] = "",
    lines: Annotated[int, typer.Option(min=1, max=500, metavar="N", help="How many of the last.")] = 50,
    as_json: Json,
) -> None:
    """Show the audit: who did what to which stack, and how it ended."""
    from listener.cli import operations

    wanted = operations.Filter(stack, tenant, verb, outcome, by, since)
    operations.operations(wanted, lines=lines, as_json=as_json)


@app.command()
def replay(
    *,
    stack: Annotated[str, typer.Option(metavar="ID", help="Only this stack's, by its record id.")] = "",
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file of decisions; else this host's.")
    ] = None,
    as_json: Json,
) -> None:
    """Decide again what was decided before, with this release.

    The listener writes decisions down in its state directory, without secrets. Nothing is done.
    """
    from listener.cli import decisions

    end(decisions.replay(file, stack, as_json=as_json))
