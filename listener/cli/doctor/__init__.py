"""`cloudfreedom doctor`: each check is one function here or beside, and one line in `CHECKS`.

A check looks and has no effect. It returns lines; an error of ours that it raises is its failure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from listener import errors
from listener.cli import reach, show
from listener.cli.doctor import (
    clocks,
    coolify,
    files,
    local,
    names,
    pocketbase,
    report,
    restored,
    scene,
    seals,
    service,
    stacks,
    stream,
)
from listener.cli.exits import Exit

Check = Callable[[scene.Scene], Awaitable[list[report.Line]]]

CHECKS: Mapping[str, Check] = {
    "settings": local.settings,
    "secret files": files.secret_files,
    "state directory": local.state_dir,
    "service": service.unit,
    "this listener": service.page,
    "disk": service.disk,
    "templates": local.templates,
    "alerts": local.alerts,
    "PocketBase": pocketbase.address,
    "PocketBase account": pocketbase.account,
    "data model": pocketbase.model,
    "ledger": pocketbase.ledger,
    "schema diff": pocketbase.difference,
    "hooks": pocketbase.hooks,
    "sealed values": seals.seals,
    "batch requests": pocketbase.batch,
    "leader": pocketbase.leader,
    "live stream": stream.stream,
    "Coolify": coolify.address,
    "Coolify token": coolify.token,
    "Coolify version": coolify.version,
    "Coolify team": coolify.team,
    "Coolify server": coolify.server,
    "Coolify requests": coolify.budget,
    "name servers": names.resolver,
    "clocks": clocks.clocks,
    "restored": restored.restored,
    "older stacks": stacks.foreign,
    "blocked stacks": stacks.blocked,
    "stuck stacks": stacks.stuck,
    "orphans": stacks.orphaned,
}
"""In the order in which they are made and told: each relies on what those before it found."""


def doctor(*, as_json: bool, watch: float = 0.0) -> Exit:
    """Every check, told; 0 without failures, 69, 77 or 78 when all failures mean that, else 1.

    The live stream is watched for `watch` seconds, or until its first echo.
    """
    lines = reach.run(partial(examine, watch))
    if as_json:
        show.as_json(report.as_json(lines))
    else:
        report.tell(lines)
    return report.verdict(lines)


async def examine(watch: float = 0.0) -> list[report.Line]:
    """The lines of all checks, in order."""
    lines: list[report.Line] = []
    async with scene.set_up(watch) as here:
        for name, check in CHECKS.items():
            try:
                found = await check(here)
            except errors.ListenerError as error:
                found = [report.broken(error)]
            lines += [replace(line, check=name) for line in found]
    return lines
