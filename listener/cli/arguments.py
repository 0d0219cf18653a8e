"""Arguments and options that several commands share, and how a command ends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

STACK_HELP = "record id, tenant/stack, or a unique stack name"


def known_stacks(incomplete: str) -> list[str]:
    """Offered by the shell."""
    from listener.cli import completing  # noqa: PLC0415 - only when Tab is pressed

    return completing.stacks(incomplete)


Stack = Annotated[str, typer.Argument(metavar="STACK", help=STACK_HELP, autocompletion=known_stacks)]
Some = Annotated[str, typer.Argument(metavar="[STACK]", help=STACK_HELP, autocompletion=known_stacks)]
AnyStack = Annotated[
    str,
    typer.Argument(metavar="[STACK]", help=f"{STACK_HELP}; without it all", autocompletion=known_stacks),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json/--text",
        envvar="CLOUDFREEDOM_JSON",
        show_envvar=False,
        default_factory=lambda: not sys.stdout.isatty(),
        show_default=False,
        help="JSON, as in a pipe; or text, as on a terminal.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is done.")]
Timeout = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait at most.")]
Watch = Annotated[
    float, typer.Option(min=0, max=3600, metavar="SECONDS", help="Hold the live stream, to see it cut.")
]


def end(code: int) -> None:
    """The command ends with this exit code."""
    raise typer.Exit(int(code))
