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
    "LIMITS_NO_TIER": (
        "{template} is not part of the tariff {tier}. Choose another template or tariff.",
        "{template} gehört nicht zum Tarif {tier}. Bitte andere Vorlage oder anderen Tarif wählen.",
    ),
    "OPTION_NOT_IN_TIER": (
        "{option} is not part of the tariff {tier}. Set it to false, or choose a larger tariff.",
        "{option} gehört nicht zum Tarif {tier}. Bitte auf false setzen oder einen größeren Tarif wählen.",
    ),
    "LIMITS_BELOW_FLOOR": (
        "{place} needs at least {floor}, and would get {limits}. Choose a larger tariff, or ask for more.",
        (
            "{place} braucht mindestens {floor} und bekäme {limits}. "
            "Bitte einen größeren Tarif wählen oder mehr verlangen."
        ),
    ),
    "LIMITS_ABOVE_TIER": (
        "{place} asks for {limits}; the tariff {tier} gives at most {most}. Ask for less.",
        "{place} verlangt {limits}; der Tarif {tier} gibt höchstens {most}. Bitte weniger verlangen.",
    ),
    "LIMITS_INVALID": (
        'The limits cannot be read: {text}. Write {{"<service>": {{"cpus": 0.5, "memory": "256M"}}}}.',
        'Die Grenzen sind nicht lesbar: {text}. Bitte {{"<service>": {{"cpus": 0.5, "memory": "256M"}}}}.',
    ),
    "DOMAIN_INVALID": (
        "The domain is not a host name. Use a name such as bot.example.org, without port or path.",
        "Die Domain ist kein Hostname. Bitte einen Namen wie bot.example.org angeben, ohne Port und Pfad.",
    ),
    "DOMAIN_RESERVED": (
        "This domain belongs to the platform. Choose another one.",
        "Diese Domain gehört der Plattform. Bitte eine andere wählen.",
    ),
    "DOMAIN_NOT_USED": (
        "This template has no web address. Remove the domain.",
        "Diese Vorlage hat keine Web-Adresse. Bitte die Domain entfernen.",
    ),
    "DOMAIN_NOT_YOURS": (
        "Below {platform} your names end in {own}. Use one such as {example}.",
        "Unter {platform} enden Ihre Namen auf {own}. Bitte einen wie {example} verwenden.",
    ),
    "DOMAIN_TAKEN": (
        "This domain is used by another stack. Choose another one.",
        "Diese Domain benutzt schon ein anderer Stack. Bitte eine andere wählen.",
    ),
    "VARIABLE_TAKEN": (
        "{name} is used by another stack, and works for one only. Give this stack one of its own.",
        "{name} benutzt schon ein anderer Stack, und es gilt nur für einen. Bitte ein eigenes angeben.",
    ),
    "VARIABLE_MISSING": (
        "{name} is missing. Example: {example}",
        "{name} fehlt. Beispiel: {example}",
    ),
    "VARIABLE_UNKNOWN": (
        "{name} is not a variable of {template}. Example: {example}",
        "{name} ist keine Variable von {template}. Beispiel: {example}",
    ),
    "VARIABLE_INVALID": (
        "{name} does not have the expected form: {help} Example: {example}",
        "{name} hat nicht die erwartete Form: {help} Beispiel: {example}",
    ),
    "CONFIG_INVALID": (
        "The settings must be an object with “env_vars”. Example: {example}",
        "Die Einstellungen müssen ein Objekt mit „env_vars“ sein. Beispiel: {example}",
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

RECEIPTS: Mapping[str, tuple[str, str]] = {
    "SAVED": (
        "Accepted {at}, the listener takes over.",
        "Angenommen {at}, der Listener übernimmt.",
    ),
    "SAVED_UNSEEN": (
        "Saved, but the listener has not been seen since {at}. It goes on when it is back.",
        "Gespeichert, aber der Listener fehlt seit {at}. Es geht weiter, sobald er zurück ist.",
    ),
}
"""What a save is answered with by the hooks: word -> (English, German)."""


def refusal(code: str, *, what: str, why: str, fix: str, **values: str) -> errors.Refusal:
    """The error of this code, with its English text for people."""
    text = REFUSALS[code][0].format(**values)
    return errors.Refusal(code, text, what=what, why=why, fix=fix, values=values)


def told(error: errors.Refusal, language: str) -> str:
    """The refusal's text for people, in their language where there is one."""
    if language != "de" or error.code not in REFUSALS:
        return error.message
    try:
        return REFUSALS[error.code][1].format(**(error.values or {}))
    except KeyError:  # it names what this text would leave out
        return error.message
