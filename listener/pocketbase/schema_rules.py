"""Rule texts: what each collection's five rules should say, given what they say now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template

from .schema_model import ACTS, Collection, Rules

RuleSet = Mapping[str, str | None]
"""Act -> rule; None is PocketBase's null (superusers only), the empty text lets everybody in."""


def wanted(
    collection: Collection, live: RuleSet | None, rules: Rules, *, narrow: bool, has_user_id: bool
) -> dict[str, str | None]:
    """The five rules as they should be.

    Own collections: as the model says. `users`: as they are, and guarded. Other existing ones: as they are
    and open to the service account, or the narrowed text. `live` is None for a collection yet to be made.
    """
    now = live or dict.fromkeys(ACTS)
    if collection.existing is None:
        return {act: _own(collection, act, rules, has_user_id=has_user_id) for act in ACTS}
    if collection.name in rules.guard:
        clauses = rules.guard[collection.name]
        return {act: _guarded(now[act], clauses.get(act)) for act in ACTS}
    if narrow:
        return {act: narrowed(collection.name, act, rules, has_user_id=has_user_id) for act in ACTS}
    return {act: widened(collection.name, act, now[act], rules) for act in ACTS}


def widened(collection: str, act: str, rule: str | None, rules: Rules) -> str:
    """`rule`, closed to guests and open to the service account; a rule that is both already stays.

    A condition of ours (`if_action`) binds every caller: behind an "or" it would bind nobody.
    """
    signed_in, service = rules.expressions["signed_in"], rules.expressions["service"]
    everybody = _everybody(collection, act, rules)
    if rule is None:
        return f"{everybody} && {service}"
    if rule.strip() in ("", signed_in, everybody):
        return everybody
    if service in rule and rule.startswith(everybody) and not admits_guests(rule, rules):
        return rule
    return f"{everybody} && (({rule}) || {service})"


def admits_guests(rule: str | None, rules: Rules) -> bool:
    """The rule does not ask for a signed-in user before all else.

    `@request.auth.id = tenant_id.user_id` then matches a caller without a token wherever `user_id` is empty
    (PocketBase 0.40.6, 0.36.9, 0.30.4).
    """
    if rule is None:
        return False
    signed_in = rules.expressions["signed_in"]
    return rule.strip() != signed_in and (not rule.startswith(f"{signed_in} && ") or _has_open_or(rule))


def _has_open_or(rule: str) -> bool:
    depth = 0
    for token in re.findall(r"\"[^\"]*\"|'[^']*'|[()]|\|\|", rule):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "||" and depth == 0:  # noqa: S105 - an operator, not a password
            return True
    return False


def narrowed(name: str, act: str, rules: Rules, *, has_user_id: bool) -> str:
    """The rule that `--rules` sets on an existing collection; `user_id` is named only where it exists."""
    text = _filled(name, rules.narrowed[name][act].rule, rules, has_user_id=has_user_id)
    return f"{_everybody(name, act, rules)} && ({text})"


def _own(collection: Collection, act: str, rules: Rules, *, has_user_id: bool) -> str | None:
    texts = {str(name): text for name, text in collection.rules.items()}
    text = texts.get(act, texts.get("read") if act in ("list", "view") else None)
    signed_in = rules.expressions["signed_in"]
    if text is None or text == "$signed_in":
        return text and signed_in
    return f"{signed_in} && ({_filled(collection.name, text, rules, has_user_id=has_user_id)})"


def _guarded(rule: str | None, clause: str | None) -> str | None:
    if rule is None or clause is None or clause in rule:
        return rule
    return f"({rule}) && {clause}" if rule.strip() else clause


def _everybody(collection: str, act: str, rules: Rules) -> str:
    condition = rules.conditions.get(collection, {}).get(act)
    names = ("signed_in", condition) if condition else ("signed_in",)
    return " && ".join(rules.expressions[name] for name in names)


def _filled(name: str, text: str, rules: Rules, *, has_user_id: bool) -> str:
    tenant = rules.tenant_path.get(name, "")
    # A relation to many is compared as its JSON text unless a field behind it is named (PocketBase 0.40.6).
    owners = [f"{tenant}{field} ?= @request.auth.id" for field in ("owners.id", "user_id")[: 1 + has_user_id]]
    fields = rules.protected.get(name, ())
    body = "@request.body"
    words = rules.expressions | {
        "owner": f"({' || '.join(owners)})",
        "blank": " && ".join(f'{field} = ""' for field in fields),
        "untouched": " && ".join(f"({body}.{f}:isset = false || {body}.{f} = {f})" for f in fields),
    }
    while "$" in text:
        text = Template(text).substitute(words)
    return text
