"""The only maker of `CheckedCompose`: default deny on the rendered document, by a table of small rules.

Coolify has no policy of its own against privileged containers, host namespaces, sockets and binds (4.3.10,
measured), so nothing reaches it that did not pass here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener import errors
from listener.compose.guard.case import Case, CheckedCompose, Rule, make
from listener.compose.guard.rules import RULES
from listener.compose.limits import Limits
from listener.compose.template import Template

__all__ = ["RULES", "CheckedCompose", "Rule", "check", "found"]


def check(
    document: Mapping[str, Any],
    template: Template,
    limits: Mapping[str, Limits],
    *,
    reference: Mapping[str, Any],
) -> CheckedCompose:
    """The document, sealed, if no rule objects.

    `reference` is the same template rendered with neutral names. Raises `Refusal` with the code
    `GUARD_<RULE>` of the first rule that objects and with its remedy; its `what` holds every objection, none
    of them a value.
    """
    case = Case(document=document, template=template, limits=limits, reference=reference)
    objections = found(case)
    if objections:
        first, _ = objections[0]
        raise errors.Refusal(
            f"GUARD_{first.code}",
            f"The template {template.slug} would break a safety rule of the platform ({first.code}).",
            what="; ".join(f"{rule.code} {text}" for rule, text in objections),
            why="the rendered compose document is refused before anything is sent",
            fix=first.remedy,
        )
    return make(case)


def found(case: Case) -> list[tuple[Rule, str]]:
    """Every objection with its rule, in the order of the table. G29's alone, as the others rely on it."""
    objections: list[tuple[Rule, str]] = []
    for rule in RULES.values():
        if rule.objections is not None:
            objections += [(rule, text) for text in rule.objections(case)]
        if rule.code == "G29" and objections:
            break
    return objections
