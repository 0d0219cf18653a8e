# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""The first day and each night, as commands of `cloudfreedom`: set up, try out, ask for help."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from listener.cli.arguments import Json, Timeout, end

app = typer.Typer()


@app.command()
def init(
    key: Annotated[bool, typer.Option("--key", help="Only print a new LISTENER_SECRETS_KEY.")] = False,
    file: Annotated[Path, typer.Option(metavar="FILE", help="Where the settings go.")] = Path(".env"),
    credentials: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Put each secret into a file of its own there.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE; its values are what Enter keeps.")
    ] = False,
) -> None:
    """Ask for the settings of a first installation, and write them to a file.

    What the environment gives is not asked for. Secrets are typed hidden. Server and destination are chosen
    by name from Coolify's lists. Then the doctor runs with the file, and it is said what comes next.
    """
    from listener.cli import init
    from listener.secrets import sealing

    if key:
        print(sealing.new_key())
        return
    prompt = _prompt if sys.stdin.isatty() else None
    end(init.init(file, force=force, prompt=prompt, credentials=credentials))


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


def _prompt(text: str, default: str, hidden: bool) -> str:
    """What was typed, or the default; a hidden one is never shown."""
    typed: str = typer.prompt(text, default=default, show_default=bool(default), hide_input=hidden)
    return typed


@app.command("support-bundle")
def support_bundle(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The archive; named by the time if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
) -> None:
    """Gather what whoever helps needs to know, without secrets, into one private archive.

    Also while PocketBase or Coolify is away: what cannot be had is told. Read it before you send it.
    """
    from listener.cli import bundle

    end(bundle.bundle(out, force=force))
