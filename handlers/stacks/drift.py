"""Drift: what stands in Coolify is not what was sent. It is told, never repaired: pure.

Compose is compared as data, all scalars as texts: Coolify stores a re-dump of what it was sent, in which the
values are kept (4.3.10, recorded). A variable's value is compared where the token may read it, never shown.
Without `read:sensitive` there is no compose to read; what is left are keys and the containers' images.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handlers import steps
from handlers.ledger import COMPARED, DOUBTED, SENT, LedgerRow
from handlers.stacks import byhand
from handlers.stacks.desired import Desired
from handlers.stacks.facts import StackFacts
from listener.coolify import standing as standings

REASONS = ("started", "started_unwell", "running", "unhealthy", "held_back")
"""Reasons of plans in which it runs and nothing of ours is open: then it may be compared."""
FOUND, KEPT = "drift", "drift_kept"
"""In the ledger's `applied_spec`: mark and text of a difference; the mark that a person accepted."""
PUT_BACK = "not as its record asks for since PocketBase was put back: sent again"
MOST = 10
"""Differences that are named."""
NOT_OURS = ("SERVICE_", "COOLIFY_")
"""Beginnings of the variables that Coolify makes by itself (4.3.10, parsers.php)."""
REFERENCE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_.]*)(?::?-([^}]*))?|([A-Za-z_][A-Za-z0-9_.]*))")
"""Coolify makes a variable of each reference that a value begins with, empty or with the default in it."""
DECIMAL = re.compile(r"-?\d+\.\d+")

Made = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a comparison changes in the ledger, and the line of the audit that a new difference is worth."""

    ledger: Mapping[str, Any]
    entry: steps.Entry | None = None


def is_due(facts: StackFacts, reason: str) -> bool:
    """It runs, and its entry changed since it was last compared, or first seen running with what we sent."""
    row, entry = facts.ledger, facts.entry
    if row is None or entry is None or facts.standing is not None or reason not in REASONS:
        return False
    is_settled = row.made.get(COMPARED) == DOUBTED and not row.applied_hash
    return bool(row.made.get(COMPARED)) and entry.updated_at != row.made.get(COMPARED) and not is_settled


def learned(facts: StackFacts, want: Desired, made: dict[str, Any]) -> Learned:
    """The ledger's changes: `made`, with what a comparison of just now found; nothing when all is known."""
    row, standing, entry = facts.ledger, facts.standing, None
    assert row is not None
    if standing is not None and _was_put_back(row, want, standing):
        keys = sorted({*row.env_keys, *_forgotten(row, standing)})
        return Learned({"applied_hash": "", "env_keys": keys}, steps.Entry("stack.drift", "done", PUT_BACK))
    if facts.entry is not None and row.made.get(SENT) and not row.made.get(COMPARED):
        made = {**made, COMPARED: facts.entry.updated_at}
    if standing is not None:
        made, entry = _judged(row, want, standing, made)
    changes: dict[str, Any] = {"applied_spec": made} if made != row.made else {}
    if standing is not None and standing.project_uuid not in ("", row.project_uuid):
        changes["project_uuid"] = standing.project_uuid
        entry = entry or steps.Entry("service.move", "done", "moved to another project in Coolify")
    return Learned(changes, entry)


def told(made: Made, show: dict[str, Any]) -> dict[str, Any]:
    """The fields to show, with a difference that nobody accepted before what else staff reads."""
    found = made.get(FOUND) or {}
    if not found or found["mark"] == made.get(KEPT):
        return show
    more = str(show.get("error_message") or "")
    return {**show, "error_message": f"{found['text']}\n{more}" if more else found["text"]}


def is_open(row: LedgerRow | None) -> bool:
    """There is a difference, and nobody accepted it."""
    found = row.made.get(FOUND) if row else None
    return bool(row and found and found["mark"] != row.made.get(KEPT))


def accepted(row: LedgerRow) -> dict[str, Any]:
    """What stands in Coolify is accepted as it is, until the next time that everything is sent."""
    return {"applied_spec": {**row.made, KEPT: row.made[FOUND]["mark"]}}


def sent(made: Made, want: Desired) -> dict[str, Any]:
    """Everything was sent just now: nothing found before counts any more."""
    return byhand.without(made, COMPARED, FOUND, KEPT) | {SENT: _hash(_plain(_document(want.compose)))}


def _was_put_back(row: LedgerRow, want: Desired, standing: standings.Standing) -> bool:
    """It was doubted, and is not proven to be what its record asks for."""
    if row.made.get(COMPARED) != DOUBTED:
        return False
    is_blind = standing.compose is None or any(one.value is None for one in standing.variables)
    return is_blind or row.applied_hash != want.hash or any(_differences(row, want, standing))


def _judged(
    row: LedgerRow, want: Desired, standing: standings.Standing, made: dict[str, Any]
) -> tuple[dict[str, Any], steps.Entry | None]:
    items = dict(_differences(row, want, standing))
    before = (row.made.get(FOUND) or {}).get("mark", "")
    made = byhand.without(made, FOUND) | {COMPARED: standing.updated_at}
    if not items:
        entry = steps.Entry("stack.drift", "done", "as it was sent") if before else None
        return made, entry
    mark = _hash([row.salt, sorted(items.items())])
    made[FOUND] = {"mark": mark, "text": _text(list(items), is_blind=standing.compose is None)}
    if mark in (before, made.get(KEPT)):
        return made, None
    return made, steps.Entry("stack.drift", "failed", "DRIFT", {"differences": list(items)[:MOST]})


def _text(items: list[str], *, is_blind: bool) -> str:
    names = "; ".join(items[:MOST]) + (f"; and {len(items) - MOST} more" if len(items) > MOST else "")
    blind = "; compose could not be read: the token lacks read:sensitive" if is_blind else ""
    return (
        f"DRIFT · edited in Coolify: {names}{blind} · nothing is repaired by itself · `action: redeploy` "
        "sends everything again (an added variable stays until it is removed in Coolify), `cloudfreedom "
        "adopt STACK` accepts it as it is until the next edit"
    )


def _differences(row: LedgerRow, want: Desired, standing: standings.Standing) -> Iterator[tuple[str, str]]:
    """What differs, in words without values, and a hash of what stands there."""
    ours = _plain(_document(want.compose))
    is_sent = _hash(ours) == row.made[SENT]
    if standing.compose is None:
        yield from _images(ours, standing) if is_sent else ()
    else:
        yield from _compose(ours if is_sent else None, standing.compose, str(row.made[SENT]))
    yield from _variables(row, want, standing, ours)


def _compose(ours: Any, text: str, sent_hash: str) -> Iterator[tuple[str, str]]:
    """Part by part; as a whole when the template became another since it was sent."""
    found = _plain(standings.compose_data(text))
    if _hash(found) == sent_hash:
        return
    if ours is None or not isinstance(found, dict):
        yield "compose", _hash(found)
        return
    before, after = dict(_parts(ours)), dict(_parts(found))
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"compose: {name} is gone", ""
        elif name not in before:
            yield f"compose: {name} was added", _hash(after[name])
        elif before[name] != after[name]:
            yield f"compose: {name} is another", _hash(after[name])


def _parts(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each key of each service, each variable of it, and each entry of what else the document has."""
    for top, entries in data.items():
        for name, body in entries.items() if isinstance(entries, dict) else [("", entries)]:
            path = name if top == "services" else f"{top}.{name}".rstrip(".")
            if top != "services" or not isinstance(body, dict):
                yield path, body
                continue
            for key, value in body.items():
                if key == "environment" and isinstance(value, dict):
                    yield from ((f"{path}.environment.{one}", inner) for one, inner in value.items())
                else:
                    yield f"{path}.{key}", value


def _images(ours: Any, standing: standings.Standing) -> Iterator[tuple[str, str]]:
    shown = dict(standing.images)
    for name, body in ours["services"].items():
        image = str(body.get("image") or "")
        if name not in shown:
            yield f"compose: {name} is gone", ""
        elif image and "$" not in image and shown[name] != image:
            yield f"compose: {name}.image is another", _hash(shown[name])


def _variables(
    row: LedgerRow, want: Desired, standing: standings.Standing, ours: Any
) -> Iterator[tuple[str, str]]:
    found = {one.key: one for one in standing.variables}
    referred = _referred(standing.compose or json.dumps(ours))
    values = {env.key: env.value for env in want.envs} if row.applied_hash == want.hash else {}
    for key in sorted({*found, *row.env_keys}):
        one = found.get(key)
        if one is None:
            yield f"variable {key} is gone", ""
        elif key not in row.env_keys:
            is_empty = key in referred and one.value in (None, *referred[key])
            if not (one.is_made or key.startswith(NOT_OURS) or is_empty):
                yield f"variable {key} was added", _hash([row.salt, one.value])
        elif one.value is not None and key in values and _trimmed(one.value) != _trimmed(values[key]):
            yield f"variable {key} has another value", _hash([row.salt, one.value])


def _forgotten(row: LedgerRow, standing: standings.Standing) -> set[str]:
    """Variables that the ledger does not know and that its document reads: sent after it was copied."""
    referred, known = _referred(standing.compose or ""), {*row.env_keys}
    extra = {
        one.key
        for one in standing.variables
        if one.key in referred and one.value not in referred[one.key] and not one.is_made
    }
    return {key for key in extra - known if not key.startswith(NOT_OURS)}


def _referred(text: str) -> dict[str, set[str]]:
    """Each variable that a document reads, and what Coolify may have made it of without ours."""
    found: dict[str, set[str]] = {}
    for braced, default, bare in REFERENCE.findall(text):
        found.setdefault(braced or bare, {""}).add(default)
    return found


def _trimmed(value: str) -> str:
    """As Coolify keeps it (4.3.10, EnvironmentVariable.php)."""
    return value.replace("\r\n", "\n").strip()


def _document(compose: str) -> Any:
    """The data in what is sent."""
    return json.loads(base64.b64decode(compose))


def _plain(value: Any) -> Any:
    """Scalars as texts that two readers of YAML agree on, without what is empty."""
    if isinstance(value, dict):
        made = {str(key): _plain(inner) for key, inner in value.items()}
        return {key: inner for key, inner in made.items() if inner not in ({}, [], "")}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    text = json.dumps(value) if value is None or isinstance(value, bool | int | float) else str(value)
    if text in ("null", "~"):
        return ""
    return f"{float(text):g}" if DECIMAL.fullmatch(text) else text


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
