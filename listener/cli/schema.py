"""`cloudfreedom schema diff` and `apply`: PocketBase's data model, with a superuser's rights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from listener import app, transport
from listener.cli import configured, reach, show
from listener.cli.exits import Exit
from listener.pocketbase import schema
from listener.pocketbase.schema_diff import Finding


def diff(*, rules: bool, detailed: bool) -> Exit:
    """What `apply` would do, printed."""
    found = reach.run(partial(_diff, configured.load(configured.Diff), rules))
    changes = _tell(found, none="No changes. PocketBase is as pb_schema says.", verb="to make")
    if changes:
        print(f"`cloudfreedom schema apply{' --rules' if rules else ''}` makes them.")
    return Exit.USAGE if detailed and changes else Exit.DONE


def apply(*, rules: bool) -> Exit:
    """PocketBase is as pb_schema says, and what was done is printed."""
    found = reach.run(partial(_apply, configured.load(configured.Apply), rules))
    if _tell(found, none="Nothing to do. PocketBase is as pb_schema says.", verb="made"):
        print("Next: `cloudfreedom doctor`, then `cloudfreedom run`.")
    return Exit.DONE


async def _diff(settings: configured.Diff, rules: bool) -> list[Finding]:
    templates = app.load_catalog(settings).slugs()
    async with transport.client(settings.pocketbase_url[0], ca_file=settings.pocketbase_ca_file) as http:
        await schema.superuser(
            http, settings.pocketbase_superuser_email, settings.pocketbase_superuser_password
        )
        return await schema.diff(http, rules=rules, templates=templates)


async def _apply(settings: configured.Apply, rules: bool) -> list[Finding]:
    templates = app.load_catalog(settings).slugs()
    async with transport.client(settings.pocketbase_url[0], ca_file=settings.pocketbase_ca_file) as http:
        await schema.superuser(
            http, settings.pocketbase_superuser_email, settings.pocketbase_superuser_password
        )
        return await schema.apply(
            http,
            rules=rules,
            identity=settings.pocketbase_identity,
            password=settings.pocketbase_password,
            templates=templates,
        )


def _tell(found: Sequence[Finding], *, none: str, verb: str) -> int:
    """The findings and their count; how many of them change something."""
    for one in found:
        show.line(str(one))
    changes = sum(one.changes for one in found)
    notes = len(found) - changes
    looks = f", {notes} to look at" if notes else ""
    if not changes:
        print(f"{none}{f' {notes} to look at.' if notes else ''}")
    else:
        print(f"{changes} change{'s' if changes != 1 else ''} {verb}{looks}.")
    return changes
