# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""`cloudfreedom secrets …`: its commands with their arguments."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from listener.cli.arguments import STACK_HELP, Json, Stack, Timeout, Yes, end

if TYPE_CHECKING:
    from listener.cli import secrets

app = typer.Typer(help="Secrets that are kept sealed for stacks and tenants.", no_args_is_help=True)

Whose = Annotated[str, typer.Argument(metavar="[STACK]", help=STACK_HELP)]
Tenant = Annotated[str, typer.Option("--tenant", metavar="SLUG", help="The tenant's, for all its stacks.")]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Such as CLOUDFREEDOM_API_KEY.")]
Force = Annotated[
    bool, typer.Option("--force", help="Also one that should stay as it is; data may be lost with it.")
]


@app.command("list")
def list_secrets(*, stack: Whose = "", tenant: Tenant = "", as_json: Json) -> None:
    """List names and generations; no value is shown."""
    from listener.cli import secrets

    end(secrets.show_list(_one(stack, tenant), as_json=as_json))


@app.command("set")
def set_secret(
    *, stack: Whose = "", tenant: Tenant = "", name: Name, force: Force = False, timeout: Timeout = 60
) -> None:
    """Keep a value, typed at the prompt or read from standard input, and send it to its stacks.

    A tenant's CLOUDFREEDOM_API_KEY serves all its stacks that have none of their own.
    """
    from listener.cli import secrets

    whose = _one(stack, tenant)
    asks = sys.stdin.isatty()
    value = typer.prompt(name, hide_input=True) if asks else sys.stdin.read().removesuffix("\n")
    end(secrets.put(whose, name, value, force=force, seconds=timeout))


@app.command()
def reveal(stack: Whose = "", tenant: Tenant = "", *, name: Name) -> None:
    """Print one value. The audit trail says who did it, and when."""
    from listener.cli import secrets

    end(secrets.reveal(_one(stack, tenant), name))


@app.command()
def rotate(
    stack: Stack, *, name: Name, force: Force = False, yes: Yes = False, timeout: Timeout = 60
) -> None:
    """Make a generated secret anew and send it; the stack restarts."""
    from listener.cli import command, secrets

    agree = partial(command.agreed, yes=yes, confirm=typer.confirm)
    end(secrets.rotate(stack, name, force=force, agree=agree, seconds=timeout))


@app.command("rotate-key")
def rotate_key(timeout: Timeout = 300) -> None:
    """Seal everything with the first of LISTENER_SECRETS_KEY, as the running listener has it.

    Put a new key before the old one, restart the listener, run this, then take the old one away.
    """
    from listener.cli import secrets

    end(secrets.reseal(seconds=timeout))


def _one(stack: str, tenant: str) -> secrets.Named:
    from listener.cli import secrets

    if bool(stack) == bool(tenant):
        raise typer.BadParameter("give either STACK or --tenant SLUG", param_hint="secrets")
    return secrets.Named(stack, tenant)
