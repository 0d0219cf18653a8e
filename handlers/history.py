"""What a tenant reads of the audit: a sentence per verb and outcome, and the word of a stack's state.

No sentence holds a time: the columns do. A verb without a sentence is bookkeeping and not in the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from handlers import steps
from handlers.status import Health, Status

LONGEST = 200
"""Characters of a sentence."""
STATE = "state"
"""The verb of the rows that say what a stack was shown as."""
UNHEALTHY = "unhealthy"
"""The one state word that is no status: running, but not well."""

Side = Literal["listener", "staff", "tenant"]
Sentence = tuple[str, str]
"""English and German."""

_MAKING = ("Being set up.", "Wird eingerichtet.")
_NOT_MADE = ("Setting up did not work.", "Das Einrichten ist nicht gelungen.")

SENTENCES: Mapping[tuple[str, str], Sentence] = {
    ("service.create", "started"): _MAKING,
    ("service.create", "done"): ("Set up.", "Eingerichtet."),
    ("service.create", "failed"): _NOT_MADE,
    ("create", "failed"): _NOT_MADE,
    ("service.adopt", "done"): ("Taken over as it was.", "Unverändert übernommen."),
    ("stack.apply", "started"): ("Settings are being applied.", "Einstellungen werden übernommen."),
    ("stack.restart", "started"): ("Being restarted.", "Wird neu gestartet."),
    ("stack.start", "failed"): ("Did not start in time.", "Nicht rechtzeitig gestartet."),
    ("stack.suspend", "started"): ("Being stopped.", "Wird angehalten."),
    ("stack.suspend", "done"): ("Stopped; the data is kept.", "Angehalten; die Daten bleiben erhalten."),
    ("stack.delete", "started"): ("Being stopped for deletion.", "Wird zum Löschen angehalten."),
    ("stack.delete", "done"): ("Deleted.", "Gelöscht."),
    ("stack.undelete", "done"): ("Deletion undone; stays stopped.", "Löschen rückgängig; bleibt angehalten."),
    ("record.undelete", "done"): ("Brought back.", "Zurückgeholt."),
    ("stack.purge", "started"): ("The data will be removed soon.", "Die Daten werden bald entfernt."),
    ("service.delete", "started"): ("The data is being removed.", "Die Daten werden entfernt."),
    ("stack.purge", "done"): ("The data was removed.", "Die Daten wurden entfernt."),
    ("stack.started_by_hand", "failed"): (
        "Was started again and again, and stopped each time.",
        "Wurde immer wieder gestartet und jedes Mal angehalten.",
    ),
    ("stack.block", "failed"): (
        "Held back for safety; the operator looks at it.",
        "Zur Sicherheit zurückgehalten; der Betreiber sieht es sich an.",
    ),
    ("stack.schedules", "done"): ("Scheduled messages updated.", "Geplante Nachrichten aktualisiert."),
    ("secret.reveal", "done"): ("Sign-in details were shown.", "Zugangsdaten wurden angezeigt."),
    ("action.rotate_secrets", "done"): ("New passwords were made.", "Neue Passwörter wurden erzeugt."),
}
"""(verb, outcome) -> sentence; see `BOOKKEEPING` for the verbs that have none."""

BOOKKEEPING = frozenset(
    {"service.rename", "service.move", "stack.drift", "project.create", "project.adopt", "project.delete"}
    | {"request.secrets_reseal", "request.adopt", "stack.start", "service.adopt", "stack.apply"}
    | {"secrets.make", "stack.restart", "stack.schedules", "stack.orphan", "stack.erase", "tenant.erase"}
    | {"request.stop_now"}
)
"""Verbs of which at least one outcome means nothing to a tenant, or which a row of `STATE` tells better."""
REFUSED: Sentence = (
    "A request could not be carried out as things are.",
    "Ein Auftrag war in diesem Zustand nicht ausführbar.",
)
"""Of every `action.…` that failed."""
STATES: Mapping[str, Sentence] = {
    Status.RUNNING: ("Running.", "Läuft."),
    UNHEALTHY: (
        "Running, but does not answer as it should.",
        "Läuft, antwortet aber nicht, wie es soll.",
    ),
    Status.ERROR: ("Not working.", "Funktioniert nicht."),
}
"""State word -> sentence; the other states are told by the rows of what led to them."""
HELD: Sentence = ("Stopped by the operator: {reason}", "Vom Betreiber angehalten: {reason}")


def sentence(entry: steps.Entry, state: str, language: str) -> str:
    """What a tenant reads of this row, in one of the languages; empty when it is none of his business."""
    if entry.held:
        found: Sentence | None = HELD
    elif entry.verb == STATE:
        found = STATES.get(state)
    elif entry.verb.startswith("action.") and entry.outcome == "failed":
        found = REFUSED
    else:
        found = SENTENCES.get((entry.verb, entry.outcome))
    text = found[1 if language == "de" else 0] if found else ""
    return text.format(reason=" ".join(entry.held.split()))[:LONGEST]


def side(entry: steps.Entry) -> Side:
    """On whose word it happened."""
    if entry.verb == "secret.reveal":
        return "tenant"
    return "staff" if entry.held or entry.verb.startswith("request.") else "listener"


def word(display: Mapping[str, Any]) -> str:
    """The state that these display fields show, as the availability counts it."""
    status = str(display.get("status") or "")
    is_ill = status == Status.RUNNING and display.get("health") == Health.UNHEALTHY
    return UNHEALTHY if is_ill else status


def changed(before: Mapping[str, Any], show: Mapping[str, Any]) -> tuple[steps.Entry, str] | None:
    """The row that says so, with its state word, when showing this changes the state."""
    after = {name: str({**before, **show}.get(name) or "") for name in ("status", "health")}
    if not word(after) or word(after) == word(before):
        return None
    return steps.Entry(STATE, "done", detail=after), word(after)
