"""What a stack is that was there before the listener, in words: which service its record names, and whose."""

from __future__ import annotations

from dataclasses import replace

from handlers import claims
from handlers.eyes import Eyes
from handlers.stacks.facts import StackFacts
from listener.coolify import payloads

UNTOUCHED = "nothing is created, started or stopped"
ADOPT = "run `cloudfreedom adopt`"
RECREATE = "for a new service run `cloudfreedom recreate`"
ANOTHER = f"if its own service has another uuid, name that with --service and {ADOPT}"


async def read(eyes: Eyes, facts: StackFacts) -> StackFacts:
    """The facts with what staff should know of the service that the record names; one read of PocketBase."""
    what, fix = await _told(eyes, facts)
    return replace(facts, origin=f"FOREIGN_BORN · {what} · {UNTOUCHED} · {fix}")


async def _told(eyes: Eyes, facts: StackFacts) -> tuple[str, str]:
    uuid = str((facts.record.display if facts.record else {}).get("coolify_service_uuid") or "")
    snapshot = eyes.view.snapshot
    if facts.marked:
        what = f"{len(facts.marked)} service(s) in Coolify are named for this stack without its full marker"
        return what, f"look at them in Coolify, then name the right one with --service and {ADOPT}"
    if not uuid:
        what = "its status says that something else made it, and its record names no service"
        return what, f"{RECREATE}; {ANOTHER}"
    if uuid in snapshot.services:
        return await _named(eyes, facts, snapshot.services[uuid])
    if uuid in snapshot.others:
        other = snapshot.others[uuid]
        what = (
            f"its record names {other.name} ({uuid}), which is in Coolify as {other.kind}, not as a service"
        )
        return what, f"it goes on as it is; to replace it, delete it in Coolify, then {RECREATE}"
    return f"its record names service {uuid}, which is not in Coolify", f"{RECREATE}; {ANOTHER}"


async def _named(eyes: Eyes, facts: StackFacts, service: payloads.ServiceEntry) -> tuple[str, str]:
    said = await claims.read(eyes.database, service.uuid)
    owners = claims.owners(service.uuid, service.name, said, eyes.ledger)
    named = f"its record names service {service.name} ({service.uuid})"
    if owners in ((), (facts.id,)):
        return f"{named}, which was there before the listener and shows {service.status}", ADOPT
    others = ", ".join(owner for owner in owners if owner != facts.id)
    if facts.id in owners:
        fix = f"in Coolify give it the stack_name of the stack that it belongs to as its name, then {ADOPT}"
        return f"{named}, and so does the record of stack {others}", fix
    return f"{named}, which belongs to stack {others}", f"{RECREATE}; {ANOTHER}"
