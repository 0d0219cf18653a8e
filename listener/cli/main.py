# ruff: noqa: PLC0415 - commands are imported when they run, so that --help is quick
"""`cloudfreedom`: every command with its arguments. What a command does stands in a module of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from listener.cli import (
    alerts_app,
    backup_app,
    capacity_app,
    control_app,
    daily,
    deletions_app,
    entry,
    erase_app,
    first_app,
    orphans_app,
    secrets_app,
    templates_app,
)
from listener.cli.arguments import AnyStack, Json, Some, Stack, Timeout, Wait, Watch, Yes, end
from listener.sandbox import faults_help

app = typer.Typer(
    name="cloudfreedom",
    help="Records in PocketBase say what should be, Coolify says what is, the listener makes the two agree.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or changes pending, 3 refused, 69 upstream unavailable, "
    "77 credentials, 78 configuration.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
schema_app = typer.Typer(help="PocketBase's data model: diff and apply.", no_args_is_help=True)
app.add_typer(schema_app, name="schema", rich_help_panel=None)
hooks_app = typer.Typer(help="PocketBase's hooks: install and check.", no_args_is_help=True)
schema_app.add_typer(hooks_app, name="hooks")
for module in (daily, control_app, capacity_app, deletions_app, erase_app, first_app):
    app.add_typer(module.app)
app.add_typer(secrets_app.app, name="secrets", rich_help_panel=None)
app.add_typer(alerts_app.app, name="alerts", rich_help_panel=None)
app.add_typer(backup_app.app, name="backup", rich_help_panel=None)
app.add_typer(orphans_app.app, name="orphans", rich_help_panel=None)
app.add_typer(templates_app.app, name="templates", rich_help_panel=None)

Rules = Annotated[bool, typer.Option("--rules", help="Also narrow the rules of existing collections.")]
Detailed = Annotated[bool, typer.Option("--detailed-exitcode", help="Exit 2 when something would change.")]


@app.command()
def run() -> None:
    """Run the listener until SIGTERM or Ctrl-C."""
    from listener.cli import run

    end(run.run())


@app.command(epilog=faults_help.TEXT)
def sandbox(
    once: Annotated[bool, typer.Option("--once", help="Walk through a stack's life, then end.")] = False,
    port: Annotated[int | None, typer.Option(help="Port of PocketBase; a free one if not given.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the data there; else it is thrown away.")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Let go wrong what FILE says; `example` is one.")
    ] = None,
    like_production: Annotated[
        bool,
        typer.Option("--like-production", help="Coolify takes its time: a start takes minutes."),
    ] = False,
) -> None:
    """Try it all here, with a stand-in for Coolify.

    PocketBase, the stand-in and the listener run on this machine until Ctrl-C.
    """
    from listener.sandbox import demo

    if once and faults is not None:
        reason = "cannot go with --once: the walk counts calls and seconds, which faults change"
        raise typer.BadParameter(reason, param_hint="--faults")
    if once and like_production:
        raise typer.BadParameter("cannot go with --once", param_hint="--like-production")
    end(demo.main(once=once, port=port, data=data, faults=faults, slow=like_production))


@app.command()
def doctor(as_json: Json, watch: Watch = 0) -> None:
    """Check everything, and say how to mend it.

    Settings, templates, PocketBase, Coolify, the way between, stacks in need. Nothing is changed anywhere.
    """
    from listener.cli import doctor

    end(doctor.doctor(as_json=as_json, watch=watch))


@schema_app.command("diff")
def schema_diff(*, rules: Rules = False, detailed: Detailed = False, as_json: Json) -> None:
    """Show what `apply` would do, and who would lose what."""
    from listener.cli import schema

    end(schema.diff(rules=rules, detailed=detailed, as_json=as_json))


@schema_app.command("apply")
def schema_apply(
    rules: Rules = False,
    backup: Annotated[bool, typer.Option("--backup/--no-backup", help="Back PocketBase up first.")] = True,
) -> None:
    """Add what is missing, and the service account. Nothing that exists is lost.

    Before a change PocketBase makes a backup of itself; of these the last five are kept.
    """
    from listener.cli import schema

    end(schema.apply(rules=rules, backup=backup))


@hooks_app.command("install")
def hooks_install(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="PocketBase's pb_hooks folder.")],
    force: Annotated[bool, typer.Option("--force", help="Replace foreign and edited files.")] = False,
) -> None:
    """Copy this release's hooks into PocketBase's folder."""
    from listener.cli import schema

    end(schema.install_hooks(folder, force=force))


@hooks_app.command("check")
def hooks_check() -> None:
    """Ask PocketBase whether this release's hooks run there."""
    from listener.cli import schema

    end(schema.check_hooks())


@app.command()
def plan(
    *,
    stack: AnyStack = "",
    detailed: Detailed = False,
    first_contact: Annotated[
        bool, typer.Option("--first-contact", help="Only stacks that the listener's ledger does not know.")
    ] = False,
    what_if: Annotated[
        list[str] | None,
        typer.Option(metavar="CHANGE", help="As if saved: tier:team.memory=1G, server:A=drain; repeatable."),
    ] = None,
    as_json: Json,
) -> None:
    """Show what the listener would do now.

    Nothing is written. + create, ~ update, - stop or delete, ! blocked, = adopt
    """
    from listener.cli import plan

    changes = what_if or []
    end(
        plan.plan(
            stack=stack, detailed=detailed, first_contact=first_contact, changes=changes, as_json=as_json
        )
    )


@app.command()
def accept(yes: Yes = False) -> None:
    """Let the listener act on what it found.

    For stacks that were there before the listener. Shows first what that sets going, and asks.
    """
    from listener.cli import plan

    end(plan.accept(yes=yes, confirm=typer.confirm))


@app.command()
def apply(
    stack: Stack,
    wait: Wait = False,
    timeout: Timeout = 600,
) -> None:
    """Ask the listener to put a stack right."""
    from listener.cli import reach
    from listener.cli import wait as waiting

    end(reach.run(partial(waiting.apply, stack, wait=wait, seconds=timeout)))


@app.command()
def deploy(
    *,
    tenant: Annotated[str, typer.Option(metavar="SLUG", help="The tenant's slug.")],
    template: Annotated[str, typer.Option(help="The template, such as telegram-bot.")],
    name: Annotated[str, typer.Option(help="The stack's name, unique in its tenant.")],
    domain: Annotated[str | None, typer.Option(help="Host name; empty frees it.")] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Variables and secrets, NAME=value a line; replaces those it had."),
    ] = None,
    create_tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make the tenant, so named, if there is none.")
    ] = None,
    tier: Annotated[str | None, typer.Option(help="The new tenant's tariff; starter if not given.")] = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="Check and show; write nothing.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until it runs.")] = True,
    timeout: Timeout = 600,
) -> None:
    """Write a stack and wait until it runs.

    An existing stack of that name is changed; what is not said stays. Secrets come from --env-file
    only: arguments can be read by everybody on this machine.
    """
    from listener.cli import deploy, draft, reach

    if tier is not None and create_tenant is None:
        raise typer.BadParameter("is for new tenants: give --create-tenant too", param_hint="--tier")
    order = draft.Order(tenant, template, name, domain, env_file, create_tenant, tier)
    end(reach.run(partial(deploy.deploy, order, only_plan=only_plan, attached=wait, seconds=timeout)))


@app.command()
def adopt(
    *,
    stack: Some = "",
    service: Annotated[str, typer.Option(metavar="UUID", help="The service; else the record names it.")] = "",
    tenant: Annotated[str, typer.Option(metavar="SLUG", help="Take over this tenant's project.")] = "",
    project: Annotated[str, typer.Option(metavar="UUID", help="The project; else the one it has.")] = "",
    yes: Yes = False,
    timeout: Timeout = 60,
) -> None:
    """Take over a service, or a tenant's project, that was there before.

    Both sides are shown first. Only name and description change.
    """
    from listener.cli import adoption

    if bool(stack) == bool(tenant) or (service and tenant) or (project and stack):
        raise typer.BadParameter("give STACK [--service UUID], or --tenant SLUG [--project UUID]")
    if tenant:
        end(adoption.tenant(tenant, project, yes=yes, confirm=typer.confirm, seconds=timeout))
    end(adoption.stack(stack, service, yes=yes, confirm=typer.confirm, seconds=timeout))


@app.command()
def retry(stack: Stack, yes: Yes = False, timeout: Timeout = 60) -> None:
    """Lift a stack's block and look again."""
    _ask("retry", stack, yes, timeout)


@app.command()
def recreate(stack: Stack, yes: Yes = False, timeout: Timeout = 60) -> None:
    """Make a new service for one that is missing."""
    _ask("recreate", stack, yes, timeout)


def _ask(verb: str, stack: str, yes: bool, timeout: float) -> None:
    from listener.cli import command

    end(command.ask(verb, stack, yes=yes, confirm=typer.confirm, seconds=timeout))


if __name__ == "__main__":
    entry.main()
