"""What has to change, as values: pure, so that `diff` prints exactly what `apply` does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .schema_model import ACTS, Collection, Index, Json, Model
from .schema_rules import RuleSet, admits_guests, wanted

TEXT_DEFAULT = 5000
"""Characters a text without `max` holds (PocketBase 0.40.6)."""

SHOWN = 10
"""Names that one line of a diff holds."""

_INDEX = re.compile(
    r"\s*CREATE\s+(UNIQUE\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?[`\"\[]?(\w+)[`\"\]]?\s+ON\s+(.*)",
    re.IGNORECASE | re.DOTALL,
)
"""Groups: unique or nothing, name, table and columns and condition."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diff: `+` comes new, `~` changes, `-` somebody loses it, `!` needs a look."""

    symbol: Literal["+", "~", "-", "!"]
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.subject}: {self.text}"

    @property
    def changes(self) -> bool:
        """An apply would write because of this line."""
        return self.symbol != "!"


@dataclass(frozen=True, slots=True)
class World:
    """PocketBase as it was read, by the superuser."""

    collections: dict[str, Json]
    """Name -> collection as PocketBase sends it."""
    batch: bool
    """`/api/batch` is switched on."""
    duplicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Index name -> the records that stand in its way, in words."""
    ownerless: tuple[str, ...] = ()
    """Slugs of tenants that no user owns."""
    rows: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Seeded collection -> record id -> row."""


@dataclass(frozen=True, slots=True)
class Change:
    """One collection's difference: what to print, and the body to send (empty: nothing)."""

    findings: tuple[Finding, ...]
    body: Json


def of(collection: Collection, world: World, model: Model, *, narrow: bool) -> Change:
    """The change that makes `collection` as it should be; existing fields keep their order and ids."""
    live = world.collections.get(collection.name)
    findings: list[Finding] = []
    body: Json = {}
    if live is None:
        findings.append(Finding("+", collection.name, f"collection ({collection.kind})"))
        body |= {"name": collection.name, "type": collection.kind}
    if collection.kind == "view":
        if live is None or live["viewQuery"] != collection.query:
            body["viewQuery"] = collection.query
            findings += [] if live is None else [Finding("~", collection.name, "the view's query")]
    else:
        fields, news = _fields(collection, live, world)
        indexes, more = _indexes(collection, live, world)
        findings += [*news, *more] if live is not None else []
        if live is None or any(finding.changes for finding in (*news, *more)):
            body |= {"fields": fields, "indexes": indexes}
    rules, lines = _rules(collection, live, world, model, narrow=narrow)
    options, notes = _options(collection, live)
    return Change((*findings, *lines, *notes), body | rules | options)


def holes(world: World, model: Model) -> list[Finding]:
    """What guests may do today: the first thing to know."""
    found = []
    for collection in model.collections:
        live = world.collections.get(collection.name)
        if collection.existing != "expected" or live is None:
            continue
        acts = [act for act, rule in _live_rules(live).items() if admits_guests(rule, model.rules)]
        if acts:
            whose = f" (tenants without owner: {_some(world.ownerless)})" if world.ownerless else ""
            text = (
                f"guests, without any token, may {', '.join(acts)} rows whose owner is empty{whose}; this"
                " closes it, and takes nothing from signed-in users"
            )
            found.append(Finding("!", collection.name, text))
    return found


def advice(world: World, model: Model, *, narrow: bool) -> list[Finding]:
    """What narrowing means here: whom it would leave without a view, or that it was not done."""
    if narrow and world.ownerless:
        names = _some(world.ownerless)
        text = f"nobody but staff sees these, as neither user_id nor owners names a user: {names}"
        return [Finding("!", "tenants", text)]
    open_ones = [
        name
        for name in model.rules.narrowed
        if not narrow and name in world.collections and not _is_narrowed(name, world, model)
    ]
    text = "rules are not narrowed: see who would lose what with `schema diff --rules`"
    return [Finding("!", name, text) for name in open_ones]


def has_user_id(world: World) -> bool:
    """The tenants here have the portal's `user_id`, which production may lack."""
    return any(f["name"] == "user_id" for f in world.collections.get("tenants", {}).get("fields", ()))


def missing_indexes(collection: Collection, live: Json | None) -> list[Index]:
    """The indexes that `live` has neither by name nor by content."""
    present = [] if live is None else live["indexes"]
    known = {_essence(text) for text in present} | {_name(text) for text in present}
    return [i for i in collection.indexes if not {i.name, _essence(i.sql(collection.name))} & known]


def _fields(collection: Collection, live: Json | None, world: World) -> tuple[list[Json], list[Finding]]:
    present = [] if live is None else live["fields"]
    merged, findings = [], []
    for old in present:
        new = _grown(old, collection.fields.get(old["name"], {}))
        merged.append(new)
        if new != old:
            findings.append(Finding("~", f"{collection.name}.{old['name']}", _growth(old, new)))
        elif collection.fields.get(old["name"], old)["type"] != old["type"]:
            text = f"is of type {old['type']}, not {collection.fields[old['name']]['type']}: left as it is"
            findings.append(Finding("!", f"{collection.name}.{old['name']}", text))
    names = {old["name"] for old in present}
    for name, spec in _specs(collection, is_new=live is None).items():
        if name not in names:
            merged.append(_resolved(name, spec, world))
            findings.append(Finding("+", f"{collection.name}.{name}", f"field ({spec['type']})"))
    return merged, findings


def _specs(collection: Collection, *, is_new: bool) -> dict[str, Json]:
    specs: dict[str, Json] = {}
    if is_new and collection.id == "slug":
        specs["id"] = {"type": "text", "system": True, "primaryKey": True, "required": True}
        specs["id"] |= {"min": 1, "max": 64, "pattern": "^[a-z0-9_-]+$", "autogeneratePattern": ""}
    specs |= collection.fields
    if collection.stamps:
        specs["created"] = {"type": "autodate", "onCreate": True}
        specs["updated"] = {"type": "autodate", "onCreate": True, "onUpdate": True}
    return specs


def _resolved(name: str, spec: Json, world: World) -> Json:
    body = {"name": name, **spec}
    if target := body.pop("collection", None):
        body["collectionId"] = world.collections.get(target, {}).get("id", "")
    return body


def _grown(old: Json, spec: Json) -> Json:
    if spec.get("type") != old["type"]:
        return old
    new = dict(old)
    if missing := [value for value in spec.get("values", ()) if value not in old.get("values", ())]:
        new["values"] = [*old["values"], *missing]
    if spec["type"] == "text" and spec.get("max", 0) > (old.get("max") or TEXT_DEFAULT):
        new["max"] = spec["max"]
    if "help" in spec and old.get("help") == "":
        new["help"] = spec["help"]
    if spec.get("presentable") and not old.get("presentable"):
        new["presentable"] = True
    return new


def _growth(old: Json, new: Json) -> str:
    if old.get("values") != new.get("values"):
        return f"also {', '.join(value for value in new['values'] if value not in old['values'])}"
    if new.get("max") != old.get("max"):
        return f"at most {new['max']} characters, not {old['max'] or TEXT_DEFAULT}"
    return "shown in the admin UI with a text" if new.get("help") != old.get("help") else "names its record"


def _indexes(collection: Collection, live: Json | None, world: World) -> tuple[list[str], list[Finding]]:
    merged: list[str] = [] if live is None else list(live["indexes"])
    findings = []
    for index in missing_indexes(collection, live):
        subject = f"{collection.name}.{index.name}"
        if rivals := world.duplicates.get(index.name):
            text = f"left out: {', '.join(index.columns)} must be unique, but see {_some(rivals)}"
            findings.append(Finding("!", subject, text))
        else:
            merged.append(index.sql(collection.name))
            findings.append(Finding("+", subject, f"index on {', '.join(index.columns)}"))
    return merged, findings


def _rules(
    collection: Collection, live: Json | None, world: World, model: Model, *, narrow: bool
) -> tuple[Json, list[Finding]]:
    now = None if live is None else _live_rules(live)
    goal = wanted(collection, now, model.rules, narrow=narrow, has_user_id=has_user_id(world))
    if now is None:
        return {f"{act}Rule": rule for act, rule in goal.items()}, []
    changed = {act: rule for act, rule in goal.items() if rule != now[act]}
    lines = [_rule_line(collection, act, now[act], model, narrow=narrow) for act in changed]
    return {f"{act}Rule": rule for act, rule in changed.items()}, lines


def _rule_line(collection: Collection, act: str, now: str | None, model: Model, *, narrow: bool) -> Finding:
    subject = f"{collection.name} {act} rule"
    if collection.existing is None:
        return Finding("~", subject, "as this release has it")
    if collection.name in model.rules.guard:
        return Finding("-", subject, "nobody but superusers sets cf_role, which makes staff")
    if narrow and now is None:
        return Finding("~", subject, "also staff and the service account")
    if narrow:
        return Finding("-", subject, model.rules.narrowed[collection.name][act].loses)
    return Finding("~", subject, "also the service account; never a guest")


def _options(collection: Collection, live: Json | None) -> tuple[Json, list[Finding]]:
    changed = {
        key: value
        for key, value in collection.options.items()
        if live is None or not _covers(live.get(key), value)
    }
    lines = [] if live is None else [Finding("~", f"{collection.name} {key}", "set") for key in changed]
    return changed, lines


def _covers(live: object, value: object) -> bool:
    if isinstance(value, dict) and isinstance(live, dict):
        return all(_covers(live.get(key), part) for key, part in value.items())
    return live == value


def _live_rules(live: Json) -> RuleSet:
    return {act: live[f"{act}Rule"] for act in ACTS}


def _is_narrowed(name: str, world: World, model: Model) -> bool:
    collection = next(c for c in model.collections if c.name == name)
    goal = wanted(collection, None, model.rules, narrow=True, has_user_id=has_user_id(world))
    return goal == _live_rules(world.collections[name])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _essence(sql: str) -> str:
    found = _INDEX.match(sql)
    return re.sub(r"[`\"\[\]\s]", "", f"{found[1] or ''}{found[3]}").lower() if found else sql


def _name(sql: str) -> str:
    found = _INDEX.match(sql)
    return found[2] if found else ""
