"""`cloudfreedom doctor`: each check is one function here or beside, and one line in `CHECKS`.

A check looks and has no effect. It returns lines; an error of ours that it raises is its failure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from listener import errors
from listener.cli import reach, show
from listener.cli.doctor import clocks, coolify, local, names, pocketbase, report, restored, scene
from listener.cli.exits import Exit

Check = Callable[[scene.Scene], Awaitable[list[report.Line]]]

CHECKS: Mapping[str, Check] = {
    "settings": local.settings,
    ".env": local.env_file,
    "state directory": local.state_dir,
    "templates": local.templates,
    "PocketBase": pocketbase.address,
    "PocketBase account": pocketbase.account,
    "data model": pocketbase.model,
    "ledger": pocketbase.ledger,
    "schema diff": pocketbase.difference,
    "hooks": pocketbase.hooks,
    "batch requests": pocketbase.batch,
    "leader": pocketbase.leader,
    "live stream": pocketbase.stream,
    "Coolify": coolify.address,
    "Coolify token": coolify.token,
    "Coolify version": coolify.version,
    "Coolify team": coolify.team,
    "Coolify server": coolify.server,
    "Coolify requests": coolify.budget,
    "name servers": names.resolver,
    "clocks": clocks.clocks,
    "restored": restored.restored,
}
"""In the order in which they are made and told: each relies on what those before it found."""


def doctor(*, as_json: bool) -> Exit:
    """Every check, told; 0 without failures, 69, 77 or 78 when all failures mean that, else 1."""
    lines = reach.run(examine)
    if as_json:
        show.as_json(report.as_json(lines))
    else:
        report.tell(lines)
    return report.verdict(lines)


async def examine() -> list[report.Line]:
    """The lines of all checks, in order."""
    lines: list[report.Line] = []
    async with scene.set_up() as here:
        for name, check in CHECKS.items():
            try:
                found = await check(here)
            except errors.ListenerError as error:
                found = [report.broken(error)]
            lines += [replace(line, check=name) for line in found]
    return lines
