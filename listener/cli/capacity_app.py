# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""`cloudfreedom capacity` and `measure-disk`, with their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from listener.cli.arguments import Json, end
from listener.dockerwatch import disk

app = typer.Typer()


@app.command()
def capacity(as_json: Json) -> None:
    """Show what servers have, what is booked, what would fit, and who waits."""
    from listener.cli import capacity

    end(capacity.capacity(as_json=as_json))


@app.command("measure-disk")
def measure_disk(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Docker's folder of volumes.")
    ] = disk.VOLUMES,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to leave it; LISTENER_DISK_FILE if not given.")
    ] = None,
) -> None:
    """Measure the disk and every volume, as root, for the listener to read."""
    from listener.cli import capacity

    end(capacity.measure(folder, file))


@app.command()
def dockerwatch(
    file: Annotated[Path, typer.Option(metavar="FILE", help="Where the listener reads it.")] = Path(
        "/run/cloudfreedom-docker/containers.json"
    ),
    socket: Annotated[Path, typer.Option(metavar="SOCKET", help="Docker's.")] = Path("/var/run/docker.sock"),
) -> None:
    """Watch containers end, for the listener's alerts.

    Follows Docker's events until it is stopped; needs its group, and changes nothing.
    """
    from listener.cli import dockerwatch

    dockerwatch.run(file, socket)
