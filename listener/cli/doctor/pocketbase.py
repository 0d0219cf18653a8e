"""Checks of PocketBase: there, knows us, has the data model, and tells us of changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from handlers import eyes, records, releases
from handlers import ledger as ledgers
from listener import errors, transport
from listener.cli import lease
from listener.cli.doctor import between, report, scene
from listener.cli.exits import Exit
from listener.pocketbase import hooks as pb_hooks
from listener.pocketbase import schema, schema_model

PRODUCT = "PocketBase"
NO_ANSWER = report.skipped("not asked: PocketBase was not reached")
UNKNOWN = report.skipped("not asked: PocketBase has not let us in")
WITHOUT_HOOKS = (
    "none run, so: a stale form in the admin UI overwrites newer values, mistakes show on the record and not"
    " at the field, the audit names nobody, a tenant with live stacks can be deleted, and a hard delete that"
    " nobody heard is believed only after two sweeps"
)


async def address(here: scene.Scene) -> list[report.Line]:
    """Each address answers, and as PocketBase does; where one does, the others are a warning."""
    if not here.databases:
        return [report.skipped("POCKETBASE_URL is not set")]
    found = [await _reached(here, database) for database in here.databases]
    if here.database is None:
        return found
    return [_spared(line) if line.mark is report.Mark.FAILURE else line for line in found]


async def account(here: scene.Scene) -> list[report.Line]:
    """The account of the collection `listeners` is let in, and at which address the listener will be."""
    if here.database is None:
        return [NO_ANSWER]
    if here.settings.pocketbase_password is None and here.settings.pocketbase_token is None:
        return [report.skipped("not asked: there is neither POCKETBASE_PASSWORD nor POCKETBASE_TOKEN")]
    refused, insts = [], dict[str, str]()
    for database in here.answering:
        try:
            await database.client.session.prove()
            meta = await database.client.get(eyes.META, "main") or {}
        except errors.ListenerError as error:
            refused.append(_refused(database.door.url, error))
            continue
        insts[database.door.url] = str(meta.get("inst") or "")
        if not here.is_known:
            here.database, here.is_known = database, True
    if not here.is_known:
        return refused
    return [_known(here, here.database.door.url), *map(_spared, refused), *_others(insts)]


async def _reached(here: scene.Scene, database: scene.Database) -> report.Line:
    url = database.door.url
    try:
        answer, took = await here.knock(database.door, "/api/health")
    except errors.ListenerError as error:
        return report.failure(*between.unanswered(url, error, PRODUCT), Exit.UNAVAILABLE)
    if answer.status_code == 200 and "API is healthy" in answer.text:
        here.answering.append(database)
        here.database = here.database or database
        return report.good(f"{url} answers in {took}")
    del here.skews[url]  # a stranger's clock
    text, fix = between.answered(url, answer, PRODUCT)
    return report.failure(text, fix or "check POCKETBASE_URL and what stands between")


def _refused(url: str, error: errors.ListenerError) -> report.Line:
    line = report.broken(error)
    return replace(line, text=f"{line.text}, at {url}")


def _spared(line: report.Line) -> report.Line:
    """The listener works without this address."""
    return report.warning(line.text, line.fix)


def _known(here: scene.Scene, url: str) -> report.Line:
    who = f"{here.settings.pocketbase_identity}, of the collection listeners"
    first = here.databases[0].door.url
    if url == first:
        return report.good(f"{who}, at {url}")
    text = f"{who}, only at {url}: each start asks {first} in vain first"
    rest = [one.door.url for one in here.databases if one.door.url != url]
    return report.warning(text, f"POCKETBASE_URL={','.join([url, *rest])}, or that address alone")


def _others(insts: Mapping[str, str]) -> list[report.Line]:
    """Two addresses lead to two databases: whichever answers first would be believed."""
    (first, inst), *rest = insts.items()
    return [
        report.failure(
            f"{url} is another PocketBase (installation {other or 'none'}) than {first} ({inst or 'none'})",
            "take the wrong one out of POCKETBASE_URL",
            Exit.CONFIGURATION,
        )
        for url, other in rest
        if other != inst
    ]


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
