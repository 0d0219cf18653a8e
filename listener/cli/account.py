"""What is known of one stack, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from listener.cli import plan

Told = dict[str, Any]
"""As `explain --json` prints it."""


def lines(told: Told) -> Iterator[tuple[str, str]]:
    """All of it as (title, text), a title only where something new begins."""
    stack, seen = told["stack"], told["coolify"]
    if stack is None:
        yield "Stack", f"{seen['tenant']}/{seen['stack']} (record {seen['id']}), by its service's name"
        yield "Coolify", f"service {seen['service_uuid']} shows {seen['status']}; inst {seen['inst']}"
        return
    yield "Stack", f"{stack['name']} (record {stack['id']}), template {stack['template']}"
    yield "Wanted", _wanted(stack)
    yield "Tenant", _tenant(told["tenant"])
    yield "Shown", _shown(stack)
    if stack["error_message"]:
        yield "", stack["error_message"]
    yield "Ledger", _ledger(told["ledger"])
    if told["now"] is None:
        yield "Coolify", "not known: it is away"
    else:
        yield "Coolify", _coolify(seen)
        yield "Proof", told["proof"]["text"]
        yield from _now(told["now"])
    yield "Listener", told["listener"]
    yield from _decisions(told["decisions"])
    operations = told["operations"]
    yield "Timeline", f"the last {len(operations)} operations" if operations else "nothing was done so far"
    for one in operations:
        reason = f": {one['reason']}" if one["reason"] else ""
        yield "", f"{one['at'][:19]}  {one['verb']} {one['outcome']} (by {one['actor']}){reason}"


def _wanted(stack: Mapping[str, str]) -> str:
    own = f"desired_state is {stack['desired_state'] or 'empty'}"
    hold = f", on hold: {stack['hold']}" if stack["hold"] else ""
    action = f", action {stack['action']} is asked for" if stack["action"] else ""
    return f"{stack['wanted']} ({own}{hold}{action}); {stack['tenant_stops'] or 'its tenant lets it run'}"


def _tenant(tenant: Mapping[str, str] | None) -> str:
    if tenant is None:
        return "cannot be read"
    hold = f", on hold: {tenant['hold']}" if tenant["hold"] else ", no hold"
    return f"{tenant['status']}{hold}, tariff {tenant['tier']}"


def _shown(stack: Mapping[str, str]) -> str:
    health = f", {stack['health']}" if stack["health"] else ""
    return f"{stack['status'] or 'nothing'}{health}: {stack['message'] or 'no message yet'}"


def _ledger(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "no row: the listener has not taken this stack on"
    intent = (
        f"{row['intent']} is open since {row['intent_begun'] or '?'}" if row["intent"] else "no open intent"
    )
    parts = [
        f"service {row['service_uuid'] or 'none'}",
        f"{row['template'] or 'no template'} {row['template_version']}".strip(),
        row["stage"],
        intent,
        "hash of what was sent known"
        if row["hash_known"]
        else "no hash: everything is sent at the next start",
        f"blocked: {row['blocked']}" if row["blocked"] else "not blocked",
    ]
    if row["retention_days"]:
        parts.append(f"data kept {row['retention_days']} days from {row['deletion_seen'] or '?'}")
    if row["purge_announced"]:
        parts.append(f"removal announced {row['purge_announced']}")
    return " · ".join(parts)


def _coolify(seen: Mapping[str, Any] | None) -> str:
    if seen is None:
        return "lists no service of this stack"
    several = f"; {seen['marked']} services carry this record's id" if seen["marked"] > 1 else ""
    return (
        f"{seen['name']} ({seen['uuid']}) shows {seen['status']}, "
        f"listed {seen['age_seconds']:.0f} s ago{several}"
    )


def _decisions(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The listener's last ones, each with the rule that fired and what it was decided from."""
    if told["away"]:
        yield "Decided", told["away"]
        return
    found = told["last"]
    yield "Decided", f"the last {len(found)} that were news" if found else "nothing yet"
    for one in found:
        message = f": {one['message']}" if one["message"] else ""
        again = "" if one["again"] is None else f" · looks again within {one['again']:.0f} s"
        yield "", f"{one['at'][:19]}  rule {one['reason']}{message}{again}"
        yield "", "  from " + " · ".join(f"{name} {text}" for name, text in one["inputs"].items())
        if one["steps"]:
            yield "", f"  did {' · '.join(one['steps'])}"


def _now(now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    symbol = f"{plan.SYMBOLS[now['kind']]} " if now["kind"] else ""
    text = f"{symbol}{now['text']}" if now["kind"] else "nothing to do: all sides agree"
    yield "Now", f"{text} (rule {now['rule']})"
    for step in now["steps"]:
        yield "", step
    when = "at a change, or with the next sweep" if now["again"] is None else f"within {now['again']:.0f} s"
    yield "Next", f"it is looked at again {when}"
    if now["held"]:
        yield "", "First contact: nothing is done until `cloudfreedom accept`."
