"""Checks of PocketBase: there, knows us, has the data model, and tells us of changes."""

from __future__ import annotations

import time
from contextlib import aclosing

import anyio

from handlers import eyes, records, releases
from handlers import ledger as ledgers
from listener import contract, errors, transport
from listener.cli import lease
from listener.cli.doctor import report, scene
from listener.cli.exits import Exit
from listener.pocketbase import hooks as pb_hooks
from listener.pocketbase import realtime, schema, schema_model

NO_ANSWER = report.skipped("not asked: PocketBase was not reached")
UNKNOWN = report.skipped("not asked: PocketBase has not let us in")
WITHOUT_HOOKS = (
    "none run, so: a stale form in the admin UI overwrites newer values, mistakes show on the record and not"
    " at the field, the audit names nobody, a tenant with live stacks can be deleted, and a hard delete that"
    " nobody heard is believed only after two sweeps"
)
OPEN_SECONDS = 6.0
"""How long opening a stream may take."""


async def address(here: scene.Scene) -> list[report.Line]:
    """Each address answers, and as PocketBase does."""
    found = [report.skipped("POCKETBASE_URL is not set")] if not here.databases else []
    for database in here.databases:
        url = database.door.url
        try:
            answer, took = await here.knock(database.door, "/api/health")
        except errors.ListenerError as error:
            text, fix = (
                f"{url} does not answer: {error.why}",
                "check that it runs, POCKETBASE_URL, and the way",
            )
            found.append(report.failure(text, fix, Exit.UNAVAILABLE))
            continue
        if answer.status_code == 200 and "API is healthy" in answer.text:
            found.append(report.good(f"{url} answers in {took}"))
            here.database = here.database or database
        else:
            text = f"{url} answers, but not as PocketBase does (HTTP {answer.status_code})"
            found.append(report.failure(text, "check POCKETBASE_URL and what stands between"))
    return found


async def account(here: scene.Scene) -> list[report.Line]:
    """The account of the collection `listeners` is let in."""
    if here.database is None:
        return [NO_ANSWER]
    if here.settings.pocketbase_password is None and here.settings.pocketbase_token is None:
        return [report.skipped("not asked: there is neither POCKETBASE_PASSWORD nor POCKETBASE_TOKEN")]
    await here.database.client.session.prove()
    here.is_known = True
    return [report.good(f"{here.settings.pocketbase_identity}, of the collection listeners")]


async def model(here: scene.Scene) -> list[report.Line]:
    """The data model is this release's: its version, and every field that we may ask for."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    meta = await here.database.client.get(eyes.META, "main") or {}
    version, wanted = int(meta.get("schema_version") or 0), schema_model.VERSION
    if not meta.get("inst"):
        return [report.failure("there is none", "run `cloudfreedom schema apply`")]
    found = [await _collection(here.database, one) for one in schema_model.load().collections]
    bad = [line for line in found if line is not None]
    if version < wanted:
        bad.append(report.failure(f"version {version}, not {wanted}", "run `cloudfreedom schema apply`"))
    if version > wanted and not bad:
        text = f"version {version} is newer than this listener's {wanted}, which works with it"
        return [report.warning(text, "update the listener, unless it was put back on purpose")]
    return bad or [report.good(f"version {version}, installation {meta['inst']}")]


async def ledger(here: scene.Scene) -> list[report.Line]:
    """This release can read every row of the ledger."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    await releases.check_ledger(here.database.client)
    return [report.good(f"no row of a newer format than {ledgers.FORMAT}")]


async def _collection(database: scene.Database, one: schema_model.Collection) -> report.Line | None:
    """A failure when the collection or one of its fields is missing; None also where only staff may look."""
    if one.kind == "auth" or one.existing == "required":
        return None
    fields = " || ".join(f"{name}=''" for name in one.fields)
    try:
        await database.client.page_first(one.name, f"id='-' && ({fields})" if fields else "id='-'")
    except errors.Global as error:
        text = f"{one.name}: a field is missing" if error.code == "QUERY_REFUSED" else error.what
        return report.failure(text, error.fix)
    return None


async def difference(here: scene.Scene) -> list[report.Line]:
    """With a superuser: nothing is left for `schema apply` to do."""
    mine, password = here.settings, here.settings.pocketbase_superuser_password
    if here.database is None or not mine.pocketbase_superuser_email or password is None:
        return [report.skipped("only with POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD")]
    async with transport.client(here.database.door.url, ca_file=mine.pocketbase_ca_file) as http:
        await schema.superuser(http, mine.pocketbase_superuser_email, password)
        found = await schema.diff(http, rules=False)
    changes = sum(one.changes for one in found)
    notes = [report.warning(f"{one.subject}: {one.text}", "") for one in found if not one.changes]
    if changes:
        return [report.failure(f"{changes} changes are due", "see `cloudfreedom schema diff`"), *notes]
    return [report.good("nothing left to apply"), *notes]


async def hooks(here: scene.Scene) -> list[report.Line]:
    """This release's hooks run."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    meta = await here.database.client.get(eyes.META, "main") or {}
    running, wanted = str(meta.get(pb_hooks.FIELD) or ""), pb_hooks.stamp()
    fix = "`cloudfreedom schema hooks install --dir DIR`, DIR being PocketBase's pb_hooks, then restart it"
    if running == wanted:
        return [report.good(f"{running}, this release's")]
    if running:
        text = f"{running} run, this release's are {wanted}: other versions, or edited by hand"
        return [report.warning(text, fix)]
    return [report.warning(WITHOUT_HOOKS, fix)]


async def batch(here: scene.Scene) -> list[report.Line]:
    """Batch requests are on. An empty one has no effect: 400 where they are on, 403 where they are off."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    answer = await here.database.client.send("POST", "/api/batch", safe=True, json={"requests": []})
    if answer.status_code == 403:
        fix = "run `cloudfreedom schema apply`, or switch on Settings → Application → Batch API"
        return [report.failure("PocketBase allows no batch requests", fix)]
    if answer.status_code in {200, 400}:
        return [report.good("allowed")]
    return [report.unsure(f"an empty batch was answered with HTTP {answer.status_code}")]


async def leader(here: scene.Scene) -> list[report.Line]:
    """Somebody acts, and may."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    state = await lease.read(here.database.client)
    found = [report.good(str(state)) if state.is_led else report.warning(str(state), "`cloudfreedom run`")]
    meta = await here.database.client.get(eyes.META, "main") or {}
    has_stacks = await here.database.client.page_first(records.STACKS, "") is not None
    has_ledger = await here.database.client.page_first("listener_ledger", "") is not None
    if has_stacks and not has_ledger and not meta.get("accepted_at"):
        text = "first contact: there are stacks that the listener did not make, and it does nothing yet"
        fix = "see `cloudfreedom plan --first-contact`, then `cloudfreedom accept`"
        found.append(report.warning(text, fix))
    return found


async def stream(here: scene.Scene) -> list[report.Line]:
    """A renewal of the lease comes back on a live stream."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    before = await lease.read(here.database.client)
    began = time.monotonic()
    heard = await _listen(here.database.stream, contract.Waits().beat * 2 if before.is_led else 0.0)
    if heard is None:
        fix = "let /api/realtime through: no buffering, no short time-out, both requests from one address"
        return [report.failure("the stream could not be opened", fix, Exit.UNAVAILABLE)]
    if heard:
        return [report.good(f"a renewal came back after {time.monotonic() - began:.1f} s")]
    if not before.is_led:
        return [report.unsure("it opens; nobody renews the lease, so there is no echo", "`cloudfreedom run`")]
    after = await lease.read(here.database.client)
    if after.fence == before.fence:
        return [report.unsure("it opens; the lease was not renewed meanwhile, so there was no echo")]
    fix = "switch off buffering of /api/realtime in whatever stands between"
    return [report.failure("the lease was renewed, and no event came", fix)]


async def _listen(feed: realtime.Realtime, seconds: float) -> bool | None:
    """A pulse came within `seconds` after subscribing; None when that already failed."""
    is_open = False
    with anyio.move_on_after(OPEN_SECONDS) as scope:
        async with aclosing(feed.events()) as events:
            async for event in events:
                if isinstance(event, contract.Pulse):
                    return True
                if isinstance(event, contract.Gap):
                    is_open = True
                    scope.deadline = anyio.current_time() + seconds
    return False if is_open else None
