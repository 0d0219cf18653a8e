"""What people read when a stack is refused, by code: English and German, at most 200 characters.

The English text is the one that the error carries; `status.Voice` says the other from the same values.
"""

from __future__ import annotations

from collections.abc import Mapping

from listener import errors

LONGEST = 200
"""Characters of a text, without what the values add."""

REFUSALS: Mapping[str, tuple[str, str]] = {
    "QUOTA_STACKS": (
        "{count} stacks exist; the tariff {tier} has room for {most}. Delete one or choose a larger tariff.",
        (
            "Der Tarif {tier} umfasst {most} Stacks, und es gibt schon {count}. "
            "Bitte einen löschen oder einen größeren Tarif wählen."
        ),
    ),
    "QUOTA_TEMPLATE": (
        (
            "The tariff {tier} has room for {most} of {template}, and {count} exist. "
            "Delete one or choose a larger tariff."
        ),
        (
            "Der Tarif {tier} umfasst {most} von {template}, und es gibt schon {count}. "
            "Bitte einen löschen oder einen größeren Tarif wählen."
        ),
    ),
    "QUOTA_MEMORY": (
        (
            "This stack needs {need}, and {left} of the tariff's {most} are left. "
            "Delete a stack, ask for less, or choose a larger tariff."
        ),
        (
            "Dieser Stack braucht {need}, und von {most} des Tarifs sind {left} frei. "
            "Bitte einen löschen, weniger verlangen oder einen größeren Tarif wählen."
        ),
    ),
    "QUOTA_CPUS": (
        (
            "This stack needs {need} cores, and {left} of the tariff's {most} are left. "
            "Delete a stack, ask for less, or choose a larger tariff."
        ),
        (
            "Dieser Stack braucht {need} Kerne, und von {most} des Tarifs sind {left} frei. "
            "Bitte einen löschen, weniger verlangen oder einen größeren Tarif wählen."
        ),
    ),
    "QUOTA_DOMAINS": (
        (
            "The tariff {tier} has room for {most} domains of your own, and {count} are used. "
            "Leave the domain empty or choose a larger tariff."
        ),
        (
            "Der Tarif {tier} umfasst {most} eigene Domains, und {count} sind vergeben. "
            "Bitte die Domain leer lassen oder einen größeren Tarif wählen."
        ),
    ),
    "SERVER_SWARM": (
        "This stack cannot be placed: its server is of an unsupported kind. Please ask the operator.",
        (
            "Dieser Stack findet keinen Platz: Sein Server ist von einer Art, die nicht unterstützt wird. "
            "Bitte den Betreiber fragen."
        ),
    ),
    "SERVER_TOO_SMALL": (
        (
            "This stack needs more than any server has, even an empty one: {lacks} are missing. "
            "Ask for less, or ask the operator."
        ),
        (
            "Dieser Stack braucht mehr, als irgendein Server leer hätte: Es fehlen {lacks}. "
            "Bitte weniger verlangen oder den Betreiber fragen."
        ),
    ),
}
"""Code -> (English, German)."""


def refusal(code: str, *, what: str, why: str, fix: str, **values: str) -> errors.Refusal:
    """The error of this code, with its English text for people."""
    text = REFUSALS[code][0].format(**values)
    return errors.Refusal(code, text, what=what, why=why, fix=fix, values=values)


def told(error: errors.Refusal, language: str) -> str:
    """The refusal's text for people, in their language where there is one."""
    if language == "de" and error.code in REFUSALS and error.values is not None:
        return REFUSALS[error.code][1].format(**error.values)
    return error.message
