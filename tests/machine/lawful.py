"""Whether a call that changes something in Coolify may be made at all, judged before it is served."""

from __future__ import annotations

import json
import re

import httpx

from handlers import ledger, naming, records
from tests.machine.witness import SECRET, Actor, Witness

SERVICE = re.compile(r"^/api/v1/services/([a-z0-9]+)(/.*)?$")
PROJECT = re.compile(r"^/api/v1/projects/([a-z0-9]+)$")


def judge(witness: Witness, request: httpx.Request, actor: Actor) -> None:
    """What is wrong with the call is noted."""
    witness.acts += 1
    path, method = request.url.path, request.method
    what = f"{method} {path}"
    witness.claim(actor.leads, "an effect without the lease", what)
    witness.claim(not witness.is_blind, "an effect while logged out", what)
    body = json.loads(request.content) if request.content else {}
    if path.endswith("/services"):
        _create(witness, body)
    elif path.endswith("/projects"):
        _project(witness, str(body["description"]))
    elif found := PROJECT.match(path):
        _project_of_nobody(witness, found[1], method)
    elif found := SERVICE.match(path):
        _service(witness, request, actor, (found[1], found[2] or ""))


def _create(witness: Witness, body: dict[str, str]) -> None:
    marker = naming.read(body["description"])
    assert marker is not None
    stack = marker.stack
    witness.claim(witness.wish(stack) == "running", "a create that nobody asked for", stack)
    witness.claim(not witness.made(stack), "a second create", stack)
    intent = witness.known(stack).get("intent") or {}
    witness.claim(intent.get("what") == "create", "a create without intent", stack)
    witness.claim(not witness.known(stack).get("service_uuid"), "a second create for one life", stack)
    witness.claim(SECRET not in str(body), "a secret in a compose", stack)


def _project(witness: Witness, description: str) -> None:
    marker = naming.read(description)
    assert marker is not None
    there = [one for one in witness.coolify.world.projects if one.description == description]
    witness.claim(not there, "two projects for one tenant", marker.tenant)
    witness.claim(marker.tenant in witness.of(records.TENANTS), "a project for nobody", marker.tenant)


def _project_of_nobody(witness: Witness, uuid: str, method: str) -> None:
    rows = witness.of(ledger.COLLECTION).values()
    tenant = next(
        (str(row["id"]) for row in rows if row["project_uuid"] == uuid and row["id"] == row["tenant_id"]), ""
    )
    witness.claim(method == "DELETE" and tenant, "a project that is not ours was touched", uuid)
    witness.claim(tenant not in witness.of(records.TENANTS), "the project of a tenant was deleted", uuid)


def _service(witness: Witness, request: httpx.Request, actor: Actor, target: tuple[str, str]) -> None:
    uuid, rest = target
    service, stack = witness.service(uuid), witness.owner(uuid)
    if request.method == "PATCH" and b'"description"' in request.content:
        witness.claim(uuid in witness.adoptions, "an adoption that nobody asked for", uuid)
        witness.foreign.pop(uuid, None)
        return
    witness.claim(stack, "an effect on what the ledger does not know", request.method, uuid)
    if service is None or not stack:
        return
    listed = actor.snapshot.listed_at(service.server.uuid) > witness.edited.get(uuid, float("-inf"))
    strange = service.description != witness.marker(stack) and (listed or request.method == "DELETE")
    witness.claim(
        not strange or rest.startswith("/envs/"),
        "an effect without proof",
        request.method,
        uuid,
        service.description,
        witness.marker(stack),
    )
    row = witness.of(records.STACKS).get(stack)
    moved = row is not None and row["tenant_id"] != witness.known(stack)["tenant_id"]
    witness.claim(not moved, "an effect for another tenant", stack)
    wish = witness.wish(stack)
    if rest == "/restart":
        witness.claim(wish == "running", "a start that nobody asked for", stack, wish)
        witness.restarts[uuid] = (witness.clock.seconds, service.ups)
    elif rest == "/stop":
        witness.claim(wish != "running", "a stop that nobody asked for", stack)
        witness.claim("docker_cleanup=0" in str(request.url), "a stop that cleans the server", stack)
    elif request.method == "DELETE" and not rest:
        intent = witness.known(stack).get("intent") or {}
        witness.claim(intent.get("what") == "delete", "a DELETE without intent", stack)
        witness.claim("docker_cleanup=0" in str(request.url), "a DELETE that cleans the server", stack)
