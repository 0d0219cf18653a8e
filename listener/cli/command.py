"""Commands to the leader: a request is written, and its answer waited for. Nothing here touches Coolify."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

import anyio

from listener import errors
from listener.cli import configured, lease, reach, rows, show, wait
from listener.cli.exits import Exit
from listener.coolify import budget, client
from listener.pocketbase.client import PocketBase
from listener.pocketbase.writer import Write
from listener.transport import client as http_client

REQUESTS = "listener_requests"
LOOK = 0.25
"""Seconds between two looks at the request."""
QUESTIONS = {
    "recreate": "Make a NEW service for {name}? Volumes of the missing one are not brought back.",
    "purge": "Remove the data of {name} for good? It happens an hour after this at the earliest.",
    "retry": "Lift the block of {name} and look again?",
    "approve": "Let the template replace the compose of {name}, which was taken over?",
}
"""What is asked before each command."""


def ask(verb: str, stack: str, *, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    """The leader did what `verb` says to the stack, or said why not."""
    return reach.run(partial(_ask, verb, stack, yes, confirm, seconds))


def adopt(stack: str, service: str, *, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    """The stack has the service, after both sides were shown and confirmed."""
    return reach.run(partial(_adopt, stack, service, yes, confirm, seconds))


async def _ask(verb: str, stack: str, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        target = await rows.pick(known, stack)
        if not _agreed(QUESTIONS[verb].format(name=target.name), yes=yes, confirm=confirm):
            return Exit.FAILED
        return await _carried_out(known, verb, target.id, {}, seconds)


async def _adopt(stack: str, service: str, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    settings = configured.load(configured.Database)
    async with reach.database(settings) as known:
        target = await rows.pick(known, stack)
        uuid = service or target.service_uuid
        print(f"record   {target.name} ({target.id}), template {target.template}, shows {target.status}")
        print(f"service  {await _service_line(settings, uuid)}")
        print("Its name and description change; compose, variables, volumes and containers stay as they are.")
        if not _agreed(
            f"Adopt service {uuid or '(the one with its marker)'} for {target.name}?",
            yes=yes,
            confirm=confirm,
        ):
            return Exit.FAILED
        arguments = {"service": service} if service else {}
        return await _carried_out(known, "adopt", target.id, arguments, seconds)


async def _service_line(settings: configured.Database, uuid: str) -> str:
    """The service as Coolify has it, if this command can ask."""
    if not uuid:
        return "none is named on the record"
    if not settings.knows_coolify:
        return f"{uuid} (Coolify is not configured here, so it cannot be shown)"
    headers = {"Authorization": f"Bearer {settings.coolify_token.get_secret_value()}"}
    async with http_client(settings.coolify_url, ca_file=settings.coolify_ca_file, headers=headers) as http:
        coolify = client.Coolify(http=http, budget=budget.Budget(clock=anyio.current_time))
        found = await coolify.service(uuid)
    if found is None:
        return f"{uuid} is not in Coolify"
    return f"{found.name} ({uuid}), shows {found.status}, description “{found.description}”"


def _agreed(question: str, *, yes: bool, confirm: Callable[[str], bool]) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise errors.Terminal(
            "CONFIRMATION_NEEDED",
            "nothing was asked for",
            why="this needs a yes, and there is no terminal to ask on",
            fix="run it with --yes",
        )
    if confirm(question):
        return True
    print("Nothing was changed.")
    return False


async def _carried_out(
    known: PocketBase, verb: str, target: str, arguments: dict[str, str], seconds: float
) -> Exit:
    """The request is written and answered; raises `NOT_ANSWERED` when nobody did within `seconds`."""
    request = reach.new_id()
    body = {
        "verb": verb,
        "target": target,
        "arguments": arguments,
        "actor": os.environ.get("SUDO_USER") or os.environ.get("USER") or "unknown",
        "state": "open",
    }
    await reach.writer(known).commit([Write("POST", REQUESTS, request, body)])
    with anyio.move_on_after(seconds):
        while True:
            row = await known.get(REQUESTS, request) or {}
            if row.get("state") != "open":
                show.line(str(row.get("result") or "The request is gone."))
                return Exit.DONE if row.get("state") == "done" else Exit.REFUSED
            await anyio.sleep(LOOK)
    held = await lease.read(known)
    raise errors.Terminal(
        "NOT_ANSWERED",
        f"{verb} was not carried out within {seconds:.0f} s",
        why=wait.NOBODY if not held.holder else "the listener waits for an upstream, or may not act now",
        fix="it stays open and is carried out as soon as a leader may act; see `cloudfreedom status`",
    )
