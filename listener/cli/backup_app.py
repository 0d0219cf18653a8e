# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""Copies of stacks' data, as commands of `cloudfreedom`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from listener.cli.arguments import AnyStack, Json, Stack, Timeout, Yes, end
from listener.dockerwatch import disk

app = typer.Typer(help="Copies of stacks' data: make, list, restore, prove.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Docker's folder of volumes.")]


@app.command()
def init() -> None:
    """Make the repository, once."""
    from listener.cli import backup

    end(backup.init())


@app.command()
def run(
    *,
    stack: AnyStack = "",
    folder: Folder = disk.VOLUMES,
    prune: Annotated[bool, typer.Option("--prune", help="Remove afterwards what is over.")] = False,
    asked: Annotated[
        bool, typer.Option("--asked", help="Only stacks of which somebody wants a copy now.")
    ] = False,
    timeout: Timeout = 900,
) -> None:
    """Copy the data of every stack whose tariff has backups, one after another.

    As root, on the host of the volumes. The outcome is on each record. --timeout is for what must stop.
    """
    from listener.cli import backup

    if asked:
        if stack or prune:
            raise typer.BadParameter("it goes with neither STACK nor --prune", param_hint="--asked")
        end(backup.run_asked(folder, seconds=timeout))
    end(backup.run(stack, folder, prune=prune, seconds=timeout))


@app.command("list")
def list_snapshots(stack: AnyStack = "", *, as_json: Json) -> None:
    """List what can be restored, and which stacks have nothing fresh."""
    from listener.cli import backup_list

    end(backup_list.show_all(stack, as_json=as_json))


@app.command()
def restore(
    *,
    stack: Stack,
    snapshot: Annotated[str, typer.Option(metavar="ID", help="From `list`; the newest if not given.")] = "",
    into: Annotated[str, typer.Option(metavar="STACK", help="Another stack of the same template.")] = "",
    folder: Folder = disk.VOLUMES,
    yes: Yes = False,
    timeout: Timeout = 900,
) -> None:
    """Put a stack's data back, into it or into another stack.

    That stack is stopped by a hold first. What it had is moved aside, and kept until it runs again.
    """
    from listener.cli import backup_restore

    order = backup_restore.Order(stack, snapshot, into, folder, yes, timeout)
    end(backup_restore.restore(order, typer.confirm))


@app.command()
def drill(stack: AnyStack = "") -> None:
    """Prove a backup: restore the newest one of a stack elsewhere, and check it.

    Without a stack: of one by chance. Nothing that runs is touched.
    """
    from listener.cli import backup_drill

    end(backup_drill.drill(stack))


@app.command()
def prune() -> None:
    """Remove copies that are older than their tariff says."""
    from listener.cli import backup

    end(backup.prune())
