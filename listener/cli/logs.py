"""`cloudfreedom logs`: what a container printed, as Coolify has it, without the secrets of its stack.

Coolify has no stream and no log of a container that does not run (4.3.10, ServicesController.php): to follow
is to ask for the last lines again and again, and to print those that were not there before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from handlers import ledger, records
from listener import app, errors, settings
from listener.cli import away, configured, reach, rows, secrets, show
from listener.cli.exits import Exit
from listener.compose.catalog import Catalog
from listener.coolify.client import Coolify
from listener.pocketbase.client import PocketBase
from listener.telemetry import masking
from listener.telemetry.logs import HIDDEN

EVERY = 5.0
"""Seconds between two looks of `--follow`: a twentieth of what Coolify's limit allows its user."""
WINDOW = 1000
"""Lines that each of these looks asks for; more than that between two looks are missed, and that is said."""
STOPPED = (400, 404)
"""What Coolify answers for a container that does not run."""


async def logs(named: str, *, container: str, tail: int, follow: bool, every: float = EVERY) -> Exit:
    """The last `tail` lines were printed; with `follow`, so is what comes, until Ctrl-C."""
    wanted = configured.load(settings.Settings)
    async with reach.database(wanted) as known, reach.coolify(wanted) as coolify:
        stack = await rows.pick(known, named)
        catalog, keys = app.load_catalog(wanted, set_aside=True), wanted.listener_secrets_key
        source = Container(known, coolify, catalog, stack, keys, uuid=await _uuid(known, stack))
        await source.choose(container)
        lines = await source.read(max(tail, WINDOW) if follow else tail)
        source.print(lines[-tail:])
        if follow:
            await source.follow(lines, window=max(tail, WINDOW), every=every)
    return Exit.DONE


class NoLogs(errors.Terminal):
    """There is nothing to read now."""

    def __init__(self, stack: rows.Stack, why: str) -> None:
        super().__init__(
            "LOGS_NONE",
            f"there are no logs of {stack.name} now",
            why=why,
            fix=f"`cloudfreedom explain {stack.name}` says why it does not run",
        )


@dataclass(slots=True)
class Container:
    """One container of a stack, and what must not be shown of it."""

    known: PocketBase
    coolify: Coolify
    catalog: Catalog
    stack: rows.Stack
    keys: Sequence[str] = field(repr=False)
    """They open what is kept for the stack, so that it is not shown."""
    uuid: str
    name: str = ""
    _configs: list[Any] = field(default_factory=list, repr=False)
    """Every configuration that the record had so far: a log remembers yesterday's secrets."""

    async def choose(self, name: str) -> None:
        """It is the one of that name, or the only one; raises with the names that exist."""
        service = await self.coolify.service(self.uuid)
        if service is None:
            raise NoLogs(self.stack, f"Coolify has no service {self.uuid}")
        exist = dict(service.containers)
        shown = ", ".join(f"{one} ({state or 'unknown'})" for one, state in exist.items())
        if name and name not in exist:
            raise errors.Terminal(
                "CONTAINER_UNKNOWN",
                f"{self.stack.name} has no container {name!r}",
                why=f"it has {shown or 'none'}",
                fix="name one of these with --container, or leave it out where there is only one",
            )
        if not name and len(exist) > 1:
            raise errors.Terminal(
                "CONTAINER_NEEDED",
                f"{self.stack.name} has {len(exist)} containers",
                why=f"they are {shown}",
                fix="name one of them with --container",
            )
        self.name = name or next(iter(exist), "")
        if not self.name or exist[self.name].startswith("exited"):
            raise NoLogs(self.stack, f"its containers: {shown or 'none'}; Coolify reads only what runs")

    async def read(self, window: int) -> list[str]:
        """Its last lines, as printed; the record was read after them, so that its secrets are known."""
        try:
            text = await self.coolify.logs(self.uuid, self.name, lines=window)
        except errors.UpstreamRefusal as error:
            if error.status in STOPPED:
                raise NoLogs(
                    self.stack, f"{self.name} does not run now: {error.why or error.what}"
                ) from error
            raise
        row = await self.known.get(records.STACKS, self.stack.id) or {}
        kept = await secrets.opened(self.known, self.keys, self.stack.id, str(row.get("tenant_id") or ""))
        for config in (row.get("config"), {"env_vars": kept}):
            if config not in self._configs:
                self._configs.append(config)
        return text.removesuffix("\n").split("\n") if text else []

    async def follow(self, seen: Sequence[str], *, window: int, every: float) -> None:
        """New lines are printed as they come, until cancelled; an outage costs one line of notice."""
        silent = ""
        while True:
            await anyio.sleep(every)
            try:
                lines = await self.read(window)
            except (*away.AWAY, NoLogs) as error:
                if error.code != silent:
                    _notice(f"Waiting for the log: {error.code}: {error.why or error.what}")
                silent = error.code
                await anyio.sleep(error.after if isinstance(error, errors.Throttled) else 0)
                continue
            silent = ""
            new = fresh(seen, lines)
            if seen and len(new) == window:
                _notice(f"More than {window} lines came at once; some before these are missing.")
            self.print(new)
            seen = lines

    def print(self, lines: Sequence[str]) -> None:
        """These lines stand on standard output, without secrets and without what a terminal would obey."""
        text = "\n".join(lines)
        for config in self._configs:
            text = masking.masked(text, config)
            for value in self._short(config):
                text = text.replace(value, HIDDEN)
        for line in text.split("\n") if lines else ():
            print(show.clean(line), flush=True)

    def _short(self, config: Any) -> Iterable[str]:
        """Secrets that are too short for `masking`, which cannot know that they are secrets."""
        template = self.catalog.get(self.stack.template)
        given = config.get("env_vars") if isinstance(config, dict) else None
        if template is None or not isinstance(given, dict):
            return
        secret = [one for one in template.manifest.parameters if one.secret]
        for name in (name for one in secret for name in (one.name, *one.aliases)):
            value = str(given.get(name) or "").strip()
            if 0 < len(value) < masking.SHORTEST:
                yield value


def fresh(seen: Sequence[str], lines: Sequence[str]) -> Sequence[str]:
    """Those of `lines` that came after `seen`: what follows the longest end of it with which they begin."""
    for gone in range(len(seen) + 1):
        kept = len(seen) - gone
        if seen[gone:] == lines[:kept]:
            return lines[kept:]
    raise AssertionError("an empty end is always found")


async def _uuid(known: PocketBase, stack: rows.Stack) -> str:
    """The service's uuid by the ledger: the record's own field may be anybody's."""
    row = await known.get(ledger.COLLECTION, stack.id)
    if row is None or not row.get("service_uuid"):
        raise NoLogs(stack, "the listener has made or adopted no service for it")
    return str(row["service_uuid"])


def _notice(text: str) -> None:
    print(show.clean(text), file=sys.stderr, flush=True)
