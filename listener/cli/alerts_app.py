# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""Alerts, as commands of `cloudfreedom`."""

from __future__ import annotations

from typing import Annotated

import typer

from listener.cli.arguments import Json, end

app = typer.Typer(help="What is wrong: list, acknowledge, silence, test.", invoke_without_command=True)


@app.callback()
def alerts(
    ctx: typer.Context,
    as_json: Json,
    past: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
) -> None:
    """What is wrong now: list, acknowledge, silence, test."""
    if ctx.invoked_subcommand is None:
        from listener.cli import alerts

        end(alerts.show_all(past=past, as_json=as_json))


@app.command("list")
def list_alerts(
    as_json: Json, past: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False
) -> None:
    """List the open alerts, the worst first."""
    from listener.cli import alerts

    end(alerts.show_all(past=past, as_json=as_json))


@app.command()
def ack(alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or its key.")]) -> None:
    """Say that you look after it."""
    from listener.cli import alerts

    end(alerts.ack(alert))


@app.command()
def silence(
    span: Annotated[str, typer.Option("--for", metavar="SPAN", help="30m, 4h, 2d.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    kind: Annotated[str, typer.Option(metavar="KIND", help="Only of this kind.")] = "",
    tenant: Annotated[str, typer.Option(metavar="SLUG", help="Only this tenant's.")] = "",
    stack: Annotated[str, typer.Option(metavar="STACK", help="Only this stack's.")] = "",
) -> None:
    """Tell nobody for a while; alerts are kept, and what is still open then is told."""
    from listener.cli import alerts

    if not (kind or tenant or stack):
        raise typer.BadParameter("say what: --kind, --tenant or --stack")
    end(alerts.silence(alerts.Quiet(span, reason, kind, tenant, stack)))


@app.command()
def unsilence() -> None:
    """End every silence."""
    from listener.cli import alerts

    end(alerts.unsilence())


@app.command()
def test() -> None:
    """Send a test to each address of ALERT_URLS."""
    from listener.cli import alerts

    end(alerts.test())
