"""Checks of Coolify: there, tested, open to us, and with a server that keeps what it is given.

No probe can have an effect: abilities are told apart by calls on a service that cannot exist, which Coolify
answers with 403 before it looks for it, or with 404 after (4.3.10).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from listener import errors
from listener.cli.doctor import between, report, scene
from listener.cli.exits import Exit
from listener.coolify import payloads, versions

NOWHERE = "doctor-no-such-service"
"""Coolify's uuids have 24 characters of a-z and 0-9."""
NOT_REACHED = report.skipped("not asked: Coolify was not reached, or there is no COOLIFY_TOKEN")
NOT_READABLE = report.skipped("not asked: there is no token that reads")
LOW = 0.1
"""Share of the request limit below which others are using it up."""


async def address(here: scene.Scene) -> list[report.Line]:
    """The address answers, and as Coolify does."""
    if here.coolify_door is None:
        return [report.skipped("COOLIFY_URL is not set")]
    usable, here.coolify, url = here.coolify, None, here.coolify_door.url
    try:
        answer, took = await here.knock(here.coolify_door, "/api/health")
    except errors.ListenerError as error:
        return [report.failure(*between.unanswered(url, error, "Coolify"), Exit.UNAVAILABLE)]
    if answer.status_code != 200 or answer.text.strip() != "OK":
        text, fix = between.answered(url, answer, "Coolify")
        return [report.failure(text, fix or "set COOLIFY_URL to Coolify's own address, without /api/v1")]
    here.coolify = usable
    return [report.good(f"{url} answers in {took}")]


async def token(here: scene.Scene) -> list[report.Line]:
    """The token is good, and has read, write and deploy: each told apart."""
    if here.coolify is None:
        return [NOT_REACHED]
    coolify, found = here.coolify, []
    probes: dict[str, Callable[[], Awaitable[object]]] = {
        "read": coolify.version,
        "write": partial(coolify.patch_service, NOWHERE, name="cloudfreedom-doctor"),
        "deploy": partial(coolify.restart, NOWHERE),
    }
    for ability, probe in probes.items():
        try:
            await probe()
            there = ability == "read"
        except errors.UpstreamRefusal as refusal:
            there = refusal.status == 404 and ability != "read"
        except errors.Global as error:
            if error.code != "COOLIFY_ABILITY_MISSING":
                here.coolify, here.can_read_coolify = None, False
                raise
            text = f"it has not the ability {ability}"
            found.append(report.failure(text, error.fix, Exit.CREDENTIALS))
            continue
        found.append(
            report.good(f"has the ability {ability}")
            if there
            else report.unsure(f"the ability {ability}: an unexpected answer")
        )
        here.can_read_coolify |= there and ability == "read"
    return found


async def version(here: scene.Scene) -> list[report.Line]:
    """The version is one that was tried."""
    if here.coolify is None or not here.can_read_coolify:
        return [NOT_READABLE]
    text = await here.coolify.version()
    number = versions.parse(text)
    first, last = (".".join(map(str, one)) for one in versions.TESTED)
    if number is None:
        return [report.unsure(f"{text[:40]!r} is no version that can be compared with {first} to {last}")]
    if number < versions.FLOOR:
        return [report.failure(f"{text} is too old: actions and logs are missing", f"update to {last}")]
    if not versions.TESTED[0] <= number <= versions.TESTED[1]:
        return [report.warning(f"{text} was not tried; {first} to {last} were", "try it in a sandbox first")]
    return [report.good(f"{text}, within {first} to {last}")]


async def team(here: scene.Scene) -> list[report.Line]:
    """The team that the token belongs to, for a person to compare."""
    if here.coolify is None or not here.can_read_coolify:
        return [NOT_READABLE]
    mine = await here.coolify.team()
    return [report.good(f"{mine.name} ({mine.id})")]


async def server(here: scene.Scene) -> list[report.Line]:
    """The default server exists, can be used, and keeps the volumes of stopped stacks."""
    if here.coolify is None or not here.can_read_coolify:
        return [NOT_READABLE]
    servers, wanted = await here.coolify.servers(), here.settings.coolify_server_uuid
    choice = ", ".join(f"{one.name} = {one.uuid}" for one in servers) or "none; add a server in Coolify"
    found = next((one for one in servers if one.uuid == wanted), None)
    if found is None:
        text = f"COOLIFY_SERVER_UUID {'names none of this team' if wanted else 'is not set'}"
        return [report.failure(text, f"choose one: {choice}", Exit.CONFIGURATION)]
    return [_usable(found), *(_volumes(one) for one in servers)]


async def budget(here: scene.Scene) -> list[report.Line]:
    """The request limit leaves room for us."""
    if here.coolify is None or not here.can_read_coolify:
        return [NOT_READABLE]
    await here.coolify.team()
    limit, left = here.coolify.budget.limit, here.coolify.budget.remaining
    if limit is None or left is None:
        return [report.unsure("Coolify does not tell how many requests are left")]
    text = f"{left} of {limit} requests left this minute"
    if left < limit * LOW:
        fix = "give the listener a Coolify user of its own, or raise API_RATE_LIMIT"
        return [report.warning(f"{text}: others of the same user take them", fix)]
    return [report.good(text)]


def _usable(one: payloads.Server) -> report.Line:
    if one.is_swarm:
        text = f"{one.name} runs Docker Swarm, where Coolify refuses the actions of single services"
        return report.failure(text, "choose a server without Swarm as COOLIFY_SERVER_UUID")
    if one.is_usable and one.is_reachable:
        return report.good(f"{one.name} can be used")
    state = "not reachable" if not one.is_reachable else "not usable"
    return report.failure(f"{one.name} is {state} for Coolify", "validate the server in Coolify → Servers")


def _volumes(one: payloads.Server) -> report.Line:
    if not one.prunes_volumes:
        return report.good(f"{one.name} keeps the volumes of stopped stacks")
    text = f"{one.name} deletes unused volumes: the data of suspended stacks would be lost"
    return report.failure(text, "switch “delete unused volumes” off: Server → Docker Cleanup")
