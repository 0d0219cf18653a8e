# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""`cloudfreedom templates …`: its commands with their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from listener.cli.arguments import Json, end

app = typer.Typer(
    help="Templates that stacks are made of. Nothing but their folders is read.", no_args_is_help=True
)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The template, such as telegram-bot.")]
Folders = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FOLDER]...", help="A template's folder or one with several; without it those in use."
    ),
]


@app.command("list")
def list_templates(as_json: Json) -> None:
    """List the templates in use."""
    from listener.cli import templates

    templates.show_list(as_json=as_json)


@app.command("show")
def show_template(*, slug: Slug, as_json: Json) -> None:
    """Show a template: images, services, volumes, variables."""
    from listener.cli import templates

    templates.show_one(slug, as_json=as_json)


@app.command()
def check(*, folders: Folders = None, as_json: Json) -> None:
    """Order each template in every way, and let the guard judge.

    Every tariff, with and without domain and options, with the sample's variables and made-up secrets.
    Exit 3 when one is refused. An image without digest is a warning; refused with TEMPLATES_REQUIRE_DIGEST.
    """
    from listener.cli import templates

    end(templates.check(tuple(folders or ()), as_json=as_json))
