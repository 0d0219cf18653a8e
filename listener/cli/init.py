"""`cloudfreedom init`: the settings of a first installation, asked for and written to a private file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from listener import errors
from listener.cli import configured, doctor, envfile, exits, private, reach, show
from listener.cli.exits import Exit
from listener.cli.questions import Asker, Question
from listener.coolify import payloads
from listener.secrets import sealing

Prompt = Callable[[str, str, bool], str]
POCKETBASE = (
    Question("POCKETBASE_URL", "PocketBase's address, or several with commas", is_address=True),
    Question("POCKETBASE_IDENTITY", "Name of the listener's account there", default="listener"),
    Question("POCKETBASE_PASSWORD", "Its password", is_secret=True, made=partial(secrets.token_urlsafe, 24)),
)
COOLIFY = (
    Question("COOLIFY_URL", "Coolify's address", is_address=True),
    Question("COOLIFY_TOKEN", "API token with read, write and deploy", is_secret=True),
)
PLATFORM = (
    Question("PLATFORM_DOMAIN", "Domain under which tenants have host names", is_needed=False),
    Question("ROUTER_BASE_URL", "Address of the Router with /v1", is_needed=False, is_address=True),
)
KEY, SERVER, DESTINATION = "LISTENER_SECRETS_KEY", "COOLIFY_SERVER_UUID", "COOLIFY_DESTINATION_UUID"
SECRETS = ("POCKETBASE_PASSWORD", "COOLIFY_TOKEN", KEY)
NEEDED = (
    "POCKETBASE_URL",
    "POCKETBASE_PASSWORD",
    "COOLIFY_URL",
    "COOLIFY_TOKEN",
    SERVER,
)
"""Without a terminal each must be given, by the environment or by the file that is replaced."""
HEAD = "# Made by `cloudfreedom init`. Every setting is in OPERATIONS.md and .env.example.\n"
NEXT = """\
Next, with these settings in force (as ./.env, or in the service's environment):
  1. `cloudfreedom schema diff`, then `cloudfreedom schema apply`, both with POCKETBASE_SUPERUSER_EMAIL and
     POCKETBASE_SUPERUSER_PASSWORD set: the data model, and the listener's account with its password
  2. `cloudfreedom schema hooks install --dir …/pb_hooks`, restart PocketBase, then `… hooks check`
  3. `cloudfreedom doctor` until nothing is red
  4. `cloudfreedom plan`; where stacks exist already, `cloudfreedom accept` lets the listener act on them
  5. `cloudfreedom run`, best as a service; then `cloudfreedom smoke`"""


def init(path: Path, *, force: bool, prompt: Prompt | None, credentials: Path | None = None) -> Exit:
    """The file has every setting that is needed, doctor was run with it, and what comes next is told.

    With `credentials` each secret is a file of its own in that folder, as the systemd unit wants it.

    Raises `FILE_EXISTS`, and without a `prompt` `TERMINAL_NEEDED` naming what is not set.
    """
    private.must_be_new(path, force=force)
    old = path.read_text() if path.exists() else ""
    asker = Asker(envfile.read(path, may_be_empty=True) if old else {}, prompt)
    if prompt is None:
        _must_be_complete(asker)
    values = _asked(asker)
    os.environ.update({name: value for name, value in values.items() if value})
    if credentials is not None:
        values = _put_apart(values, credentials, force=force)
    private.write(path, envfile.merged(old or HEAD, values).encode(), force=force)
    show.line(f"Written: {path}, readable by its owner only. Keep a copy of {KEY} off this host.")
    os.environ.update(envfile.read(path))
    doctor.doctor(as_json=False)
    print(NEXT)
    return Exit.DONE


def _put_apart(values: dict[str, str], folder: Path, *, force: bool) -> dict[str, str]:
    """What is no secret; each secret is a file named as its setting in lower case."""
    for name in SECRETS:
        if values.get(name):
            private.write(folder / name.lower(), values[name].encode(), force=force)
            show.line(f"Written: {folder / name.lower()}")
    return {name: value for name, value in values.items() if name not in SECRETS}


def _asked(asker: Asker) -> dict[str, str]:
    """Every value, by the name of its setting."""
    values = {one.name: asker.answer(one) for one in POCKETBASE if not _has_token(asker, one)}
    values |= _coolify(asker)
    values |= {one.name: asker.answer(one) for one in PLATFORM}
    question = Question(KEY, "", is_secret=True)
    made = asker.known(KEY) or sealing.new_key()
    return {**values, KEY: Asker({KEY: made}, None).answer(question)}


def _has_token(asker: Asker, question: Question) -> bool:
    return question.name == "POCKETBASE_PASSWORD" and bool(asker.known("POCKETBASE_TOKEN"))


def _coolify(asker: Asker) -> dict[str, str]:
    """Address, token, server and destination; a person may correct the first two until they work."""
    while True:
        values = {one.name: asker.answer(one) for one in COOLIFY}
        if asker.prompt is None:
            return values | {name: asker.known(name) for name in (SERVER, DESTINATION)}
        try:
            return values | _placed(asker, values)
        except errors.ListenerError as error:
            if all(os.environ.get(one.name) for one in COOLIFY):
                raise
            exits.tell(error)


def _placed(asker: Asker, values: dict[str, str]) -> dict[str, str]:
    """The server, and the destination where it has several, chosen by name."""
    known = configured.Loose(
        _env_file=None,
        coolify_url=values["COOLIFY_URL"],
        coolify_token=SecretStr(values["COOLIFY_TOKEN"]),
    )
    servers = reach.run(partial(_servers, known))
    if not servers:
        raise errors.Refusal("NO_SERVER", "Coolify shows no server.", fix="add one in Coolify → Servers")
    uuids = [one.uuid for one in servers]
    server = _chosen(asker, SERVER, "Server", uuids, [f"{one.name}{_state(one)}" for one in servers])
    found = reach.run(partial(_destinations, known, server))
    if len(found) < 2:
        return {SERVER: server, DESTINATION: ""}
    uuids, names = [one.uuid for one in found], [one.name for one in found]
    return {SERVER: server, DESTINATION: _chosen(asker, DESTINATION, "Destination", uuids, names)}


def _chosen(asker: Asker, setting: str, what: str, uuids: Sequence[str], names: Sequence[str]) -> str:
    known = asker.known(setting)
    if os.environ.get(setting) and known in uuids:
        show.line(f"{setting}: as the environment says")
        return known
    return uuids[asker.choice(what, names, uuids.index(known) if known in uuids else None)]


async def _servers(known: configured.Loose) -> list[payloads.Server]:
    async with reach.coolify(known) as coolify:
        return await coolify.servers()


async def _destinations(known: configured.Loose, server: str) -> list[payloads.Destination]:
    """None where Coolify has no such list (before 4.2)."""
    async with reach.coolify(known) as coolify:
        try:
            return await coolify.destinations(server)
        except errors.UpstreamRefusal as refusal:
            if refusal.status != 404:
                raise
            return []


def _state(one: payloads.Server) -> str:
    if one.is_swarm:
        return " (runs Docker Swarm, which cannot be used)"
    return "" if one.is_usable and one.is_reachable else " (Coolify cannot use it now)"


def _must_be_complete(asker: Asker) -> None:
    missing = [
        name
        for name in NEEDED
        if not asker.known(name) and not (name == "POCKETBASE_PASSWORD" and asker.known("POCKETBASE_TOKEN"))
    ]
    if missing:
        raise errors.Terminal(
            "TERMINAL_NEEDED",
            "nothing was written",
            why=f"there is no terminal to ask on, and these are not set: {', '.join(missing)}",
            fix="set them in the environment, or run it on a terminal",
        )
