# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""The first day and each night, as commands of `cloudfreedom`: set up, try out, ask for help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from listener.cli.arguments import Json, Timeout, end

app = typer.Typer()


@app.command()
def smoke(
    *,
    template: Annotated[str, typer.Option(help="What to make; it gets its sample's values.")] = "base-llm",
    env_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Variables instead of the sample's, NAME=value a line."),
    ] = None,
    tier: Annotated[str, typer.Option(help="The tenant's tariff.")] = "starter",
    timeout: Timeout = 600,
    as_json: Json,
) -> None:
    """Walk a throw-away stack through its life: make, suspend, resume, change, delete.

    On the host as it is, by the listener that runs. Each phase is told with its time (--timeout is for
    each), a new stack has to run within 5 minutes, and nothing is left behind, also after Ctrl-C.
    """
    from listener.cli import smoke
    from listener.cli.smoke import order

    end(smoke.smoke(order.Order(template, env_file, tier, timeout), as_json=as_json))
