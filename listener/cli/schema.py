"""`cloudfreedom schema`: PocketBase's data model, with a superuser's rights, and its hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

from handlers import eyes
from listener import app, errors, transport
from listener.cli import configured, reach, show
from listener.cli.exits import Exit
from listener.pocketbase import backups, hooks, schema
from listener.pocketbase.schema_diff import Finding


def diff(*, rules: bool, detailed: bool, as_json: bool) -> Exit:
    """What `apply` would do, printed."""
    found = reach.run(partial(_diff, configured.load(configured.Diff), rules))
    if as_json:
        show.as_json([asdict(one) for one in found])
        return Exit.USAGE if detailed and any(one.changes for one in found) else Exit.DONE
    changes = _tell(found, none="No changes. PocketBase is as pb_schema says.", verb="to make")
    if changes:
        print(f"`cloudfreedom schema apply{' --rules' if rules else ''}` makes them.")
    return Exit.USAGE if detailed and changes else Exit.DONE


def apply(*, rules: bool, backup: bool) -> Exit:
    """PocketBase is as pb_schema says, and what was done is printed. A change is preceded by a `backup`."""
    found = reach.run(partial(_apply, configured.load(configured.Apply), rules, backup))
    if _tell(found, none="Nothing to do. PocketBase is as pb_schema says.", verb="made"):
        print("Next: `cloudfreedom doctor`, then `cloudfreedom run`.")
    return Exit.DONE


def install_hooks(folder: Path, *, force: bool) -> Exit:
    """The folder holds this release's hooks, and what was changed is printed."""
    changed = hooks.install(folder, force=force)
    for path in changed:
        show.line(f"~ {path}")
    if not changed:
        print(f"Nothing to do. {folder} holds the hooks {hooks.stamp()}.")
        return Exit.DONE
    print(f"The hooks {hooks.stamp()} are in {folder}.")
    print("Next: restart PocketBase (unless --hooksWatch does it), then `cloudfreedom schema hooks check`.")
    return Exit.DONE


def check_hooks() -> Exit:
    """Whether this release's hooks run in PocketBase, printed; 1 when none or others do."""
    running = reach.run(partial(_running_hooks, configured.load(configured.Database)))
    if running == hooks.stamp():
        print(f"The hooks {running} run. They are this release's.")
        return Exit.DONE
    others = f"The hooks {running} run, this release's are {hooks.stamp()}."
    print(others if running else "No hooks of ours run.")
    print("Next: `cloudfreedom schema hooks install --dir DIR`, then restart PocketBase.")
    return Exit.FAILED


async def _running_hooks(settings: configured.Database) -> str:
    async with reach.database(settings) as known:
        meta = await known.get(eyes.META, "main") or {}
        return str(meta.get(hooks.FIELD) or "")


async def _diff(settings: configured.Diff, rules: bool) -> list[Finding]:
    templates = app.load_catalog(settings).slugs()
    async with transport.client(settings.pocketbase_url[0], ca_file=settings.pocketbase_ca_file) as http:
        await schema.superuser(
            http, settings.pocketbase_superuser_email, settings.pocketbase_superuser_password
        )
        return await schema.diff(http, rules=rules, templates=templates)


async def _apply(settings: configured.Apply, rules: bool, backup: bool) -> list[Finding]:
    templates = app.load_catalog(settings).slugs()
    async with transport.client(settings.pocketbase_url[0], ca_file=settings.pocketbase_ca_file) as http:
        await schema.superuser(
            http, settings.pocketbase_superuser_email, settings.pocketbase_superuser_password
        )
        due = await schema.diff(http, rules=rules, templates=templates) if backup else []
        if any(one.changes for one in due):
            await _back_up(http)
        return await schema.apply(
            http,
            rules=rules,
            identity=settings.pocketbase_identity,
            password=settings.pocketbase_password,
            templates=templates,
        )


async def _back_up(http: httpx.AsyncClient) -> None:
    """PocketBase has a new backup of itself, and that is told; of ours the last few stay."""
    name = backups.name_of(datetime.now(UTC))
    await backups.make(http, name)
    show.line(f"Backup {name} is made; PocketBase lists it under Settings > Backups.")
    try:
        removed = await backups.tidy(http)
    except errors.ListenerError as error:
        show.line(f"! {error}")
    else:
        for old in removed:
            show.line(f"Backup {old} is removed: the last {backups.KEPT} stay.")


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
