"""`cloudfreedom tenants`, `list` and `status`: what there is, by the records, or else by the markers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from handlers import eyes, pause
from listener import errors
from listener.cli import away, configured, lease, markers, pausing, process, reach, rows, show
from listener.pocketbase.client import PocketBase, quoted
from listener.pocketbase.schema_model import VERSION


def tenants(*, as_json: bool) -> None:
    """Every tenant, by slug."""
    settings = configured.load(configured.Database)
    found = reach.run(partial(_tenants, settings))
    if as_json:
        show.as_json(found)
        return
    show.columns(found)
    show.line(f"{len(found)} tenant{'' if len(found) == 1 else 's'}.")


MARKED = ("tenant", "stack", "status", "inst", "service_uuid", "id")
"""What can be told of a stack while PocketBase is away."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Stacks, as records or as markers tell them, and what stands above them."""

    source: away.Source
    stacks: Sequence[rows.Stack | markers.Marked]
    head: dict[str, str] = field(default_factory=dict)
    led: lease.Lease | None = None
    """None while PocketBase is away."""

    def json(self) -> dict[str, object]:
        """As `list --json` prints it."""
        return {**self.source.json(), "stacks": [one.json() for one in self.stacks]}

    def status(self) -> dict[str, object]:
        """As `status --json` prints it."""
        lead = {"leads": self.led.is_led, **asdict(self.led)} if self.led else None
        return {"lease": lead, **self.head, **self.json()}


def stacks(*, tenant: str, as_json: bool) -> None:
    """Every stack, or one tenant's."""
    settings = configured.load(configured.Database)
    answer = reach.run(partial(_stacks, settings, tenant))
    answer.source.tell()
    if as_json:
        show.as_json(answer.json())
        return
    names = ("tenant", "stack", "template", "domain", "wanted", "status", "id")
    show.columns([_named(one, names) for one in answer.stacks])
    count = len(answer.stacks)
    show.line(f"{count} stack{'' if count == 1 else 's'}.")


def status(*, stack: str, as_json: bool) -> None:
    """Who leads, what Coolify says, and how every stack, or one, is doing."""
    settings = configured.load(configured.Database)
    tell(reach.run(partial(how, settings, stack)), stack=stack, as_json=as_json)


def tell(answer: Answer, *, stack: str, as_json: bool) -> None:
    """The answer is printed."""
    answer.source.tell()
    if as_json:
        show.as_json(answer.status())
        return
    led = str(answer.led or "not known: PocketBase has the lease")
    for name, value in {"listener": led, **answer.head}.items():
        show.line(f"{name.capitalize():<10} {value}")
    print()
    if stack:
        for name, text in answer.stacks[0].json().items():
            show.line(f"{name:<14} {text or '-'}")
        return
    show.columns([cells(one) for one in answer.stacks])
    show.line(_counts(answer.stacks))


def cells(one: rows.Stack | markers.Marked) -> dict[str, object]:
    """The row of a stack in a table of how stacks are doing."""
    return _named(one, ("tenant", "stack", "template", "wanted", "status", "health", "message"))


def _named(one: rows.Stack | markers.Marked, names: Sequence[str]) -> dict[str, object]:
    """These columns of a stack; others of one that only its marker tells."""
    told = one.json()
    return {name: told[name] for name in (MARKED if isinstance(one, markers.Marked) else names)}


async def _tenants(settings: configured.Database) -> list[dict[str, object]]:
    async with reach.database(settings) as known:
        return await rows.tenants(known)


async def _stacks(settings: configured.Database, tenant: str) -> Answer:
    try:
        async with reach.database(settings) as known:
            found = await rows.stacks(known, tenant=tenant)
            if tenant and not found and await known.page_first("tenants", f"slug={quoted(tenant)}") is None:
                raise unknown_tenant(tenant)
    except away.AWAY as error:
        marked = await away.marked(settings, error)
        return Answer(
            away.without("pocketbase", error), [one for one in marked if tenant in ("", one.tenant)]
        )
    _, source = await _coolify(settings)
    return Answer(source, found)


async def how(settings: configured.Database, stack: str) -> Answer:
    """How all, or one, is doing, by whichever side is there."""
    try:
        async with reach.database(settings) as known:
            return await _recorded(settings, known, stack)
    except away.AWAY as error:
        marked = await away.marked(settings, error)
        found = [markers.pick(marked, stack)] if stack else marked
        text, _ = await _coolify(settings)
        head = {**await _here(settings), "coolify": text}
        return Answer(away.without("pocketbase", error), found, head)


async def _here(settings: configured.Database) -> dict[str, str]:
    """What the process on this host says of itself; nothing when none answers."""
    state = await process.readiness(settings)
    return {"here": process.told(state)} if state else {}


async def _recorded(settings: configured.Database, known: PocketBase, stack: str) -> Answer:
    found = [await rows.pick(known, stack)] if stack else await rows.stacks(known)
    text, source = await _coolify(settings)
    head = {**await _here(settings), "coolify": text}
    meta = await known.get(eyes.META, "main") or {}
    if found and not meta.get("accepted_at") and not await known.page_first("listener_ledger", "id!=''"):
        head["attention"] = "first contact: nothing is done until `cloudfreedom accept`"
    asked = pause.of(meta)
    if asked.holds(datetime.now(UTC)):
        head["paused"] = pausing.told(asked, ZoneInfo(settings.listener_tz))
    version = int(meta.get("schema_version") or 0)
    if version < VERSION:
        head["schema"] = f"is {version}, not {VERSION}: run `cloudfreedom schema apply`"
    elif version > VERSION:
        head["schema"] = f"is {version}, newer than this release's {VERSION}, which works with it"
    return Answer(source, found, head, await lease.read(known))


async def _coolify(settings: configured.Database) -> tuple[str, away.Source]:
    """Version and what is left of the request budget, or why that is not known; and whether it is away."""
    if not settings.knows_coolify:
        return "not configured here", away.PRESENT
    async with reach.coolify(settings) as coolify:
        try:
            version = await coolify.version()
        except errors.ListenerError as error:
            source = away.without("coolify", error) if isinstance(error, away.AWAY) else away.PRESENT
            return f"{error.code}: {error.why or error.what}", source
    left = coolify.budget
    told = "" if left.limit is None else f" · {left.remaining} of {left.limit} requests left this minute"
    return f"{version}{told}", away.PRESENT


def unknown_tenant(slug: str) -> errors.Terminal:
    """The error for a slug that no tenant has."""
    return errors.Terminal(
        "TENANT_UNKNOWN",
        f"there is no tenant {slug!r}",
        why="no record of `tenants` has that slug",
        fix="`cloudfreedom tenants` shows all; `deploy --create-tenant NAME` makes one",
    )


def _counts(found: Sequence[rows.Stack | markers.Marked]) -> str:
    words = sorted({one.status or "new" for one in found})
    parts = [f"{sum((one.status or 'new') == word for one in found)} {word}" for word in words]
    return f"{len(found)} stack{'' if len(found) == 1 else 's'}{': ' if parts else ''}{', '.join(parts)}."
