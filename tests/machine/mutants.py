"""Bugs on purpose: each replaces one function of the product, and the machine must find it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from handlers import absence, eyes, memory, naming, records
from handlers.stacks import existing, facts, last_copy, observe, purge, unborn
from listener.pocketbase import client


@dataclass(frozen=True)
class Mutant:
    """A bug, a pattern of the claims that it breaks, and the events among which it is sought."""

    patch: Callable[[pytest.MonkeyPatch], None]
    claims: str
    events: str


def no_proof_before_effect(patch: pytest.MonkeyPatch) -> None:
    """Whatever the ledger names is ours, and nobody looks."""

    def believed(seen: eyes.Eyes, record_id: str, *_: Any) -> naming.Look | None:
        row = seen.ledger.get(record_id)
        if row is None or not row.service_uuid:
            return None
        now = seen.memory.clock()
        return naming.Proof(
            row.service_uuid, str(row.made.get("service_name")), server_status=True, read_at=now
        )

    patch.setattr(observe, "_kept_look", believed)


def no_settle_window(patch: pytest.MonkeyPatch) -> None:
    """A create whose answer was lost did not happen."""

    def settle(known: facts.StackFacts) -> Any:
        if known.marked:
            return kept(known)
        return kept(replace(known, clock=1e12, listed_at=1e12, unmarked_since=0.0))

    kept = unborn.settle
    patch.setattr(unborn, "settle", settle)


def a_delete_event_acts_at_once(patch: pytest.MonkeyPatch) -> None:
    """What the event says is believed, and the record is not read."""

    async def observed(seen: eyes.Eyes, record_id: str, listed: Any = None) -> facts.StackFacts:
        heard = seen.memory.of(record_id).deleted_heard
        known = await kept(seen, record_id, listed)
        return replace(known, record=None, gone=True) if heard else known

    kept = observe.observe
    patch.setattr(observe, "observe", observed)


def a_list_is_believed_when_logged_out(patch: pytest.MonkeyPatch) -> None:
    """Nobody proves who he is, and what a list lacks is gone: without this second half there is no harm."""

    @asynccontextmanager
    async def proven(one: client.PocketBase) -> Any:
        mark = client._within.set(one)
        try:
            yield
        finally:
            client._within.reset(mark)

    async def observed(seen: eyes.Eyes, record_id: str, listed: Any = None) -> facts.StackFacts:
        known = await kept(seen, record_id, listed)
        absent = seen.memory.absent.get(records.STACKS, absence.NOTHING_MISSING)
        return replace(known, record=None, gone=True) if record_id in absent.enough else known

    kept = observe.observe
    patch.setattr(observe, "observe", observed)
    patch.setattr(client.PocketBase, "proven", proven)


def the_records_uuid_is_an_input(patch: pytest.MonkeyPatch) -> None:
    """The service is the one that the record shows."""

    async def observed(seen: eyes.Eyes, record_id: str, listed: Any = None) -> facts.StackFacts:
        known = await kept(seen, record_id, listed)
        shown = str(known.record.display.get("coolify_service_uuid") or "") if known.record else ""
        if known.ledger is None or not known.ledger.service_uuid or shown == known.ledger.service_uuid:
            return known
        return replace(known, ledger=known.ledger.changed({"service_uuid": shown}), look=None)

    kept = observe.observe
    patch.setattr(observe, "observe", observed)


def a_stale_view_is_believed(patch: pytest.MonkeyPatch) -> None:
    """A list from before our last effect counts, also for since when it has been down."""

    async def observed(seen: eyes.Eyes, record_id: str, listed: Any = None) -> facts.StackFacts:
        known = await kept(seen, record_id, listed)
        return known if known.exited_since is not None else replace(known, exited_since=known.listed_at)

    kept = observe.observe
    patch.setattr(observe, "observe", observed)
    patch.setattr(facts.StackFacts, "is_fresh", property(lambda _: True))
    patch.setattr(observe, "_moment", lambda *_: memory.NEVER)


def no_intent_before_create(patch: pytest.MonkeyPatch) -> None:
    """The create is sent before anything is remembered of it."""

    def intended(*given: Any) -> dict[str, object]:
        return {**kept(*given), "intent": None}

    kept = unborn._intended
    patch.setattr(unborn, "_intended", intended)


def a_restart_is_believed_at_once(patch: pytest.MonkeyPatch) -> None:
    """What runs after a restart was accepted is what was restarted."""
    patch.setattr(existing, "_may_be_old", lambda _: False)


def a_purge_without_the_hour(patch: pytest.MonkeyPatch) -> None:
    """What was announced is done."""
    patch.setattr(purge, "_earliest", lambda known, _: known.clock)


def a_purge_without_a_copy(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether the data was copied."""
    patch.setattr(last_copy, "is_lacking", lambda *_: False)


def a_404_of_another_team_is_believed(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whose token it is."""

    async def proven(_: eyes.Eyes) -> None:
        return

    patch.setattr(eyes.Eyes, "prove_team", proven)


MUTANTS = {
    "no-proof": Mutant(
        no_proof_before_effect, "an effect without proof", "edit_description edit_config live_on settle"
    ),
    "no-settle": Mutant(
        no_settle_window, "a second create|two services", "lose_a_create settle hear_again edit_config"
    ),
    "event-verb": Mutant(
        a_delete_event_acts_at_once, "nobody asked for", "hear_of_a_deletion undelete delete_hard settle"
    ),
    "logged-out": Mutant(
        a_list_is_believed_when_logged_out,
        "nobody asked for|logged out",
        "kill_the_token delete_hard live_on settle",
    ),
    "record-uuid": Mutant(
        the_records_uuid_is_an_input,
        "foreign|does not know|second create|two services|proof",
        "forge_display wipe_display clone edit_config settle",
    ),
    "stale-view": Mutant(
        a_stale_view_is_believed,
        "no rest|no silence|believed at once|while it runs|nobody",
        "rename pace_jobs suspend resume work_by_hand poll settle live_on",
    ),
    "no-intent": Mutant(
        no_intent_before_create, "without intent|second create|two services", "create cut restart settle"
    ),
    "early-restart": Mutant(
        a_restart_is_believed_at_once,
        "a restart is believed at once",
        "pace_jobs edit_config resume settle live_on",
    ),
    "no-hour": Mutant(
        a_purge_without_the_hour,
        "a DELETE without the hour",
        "delete_softly waive live_for_days hear_again live_on settle",
    ),
    "no-copy": Mutant(
        a_purge_without_a_copy, "a DELETE without a proven copy", "delete_softly live_for_days live_on settle"
    ),
    "other-team": Mutant(
        a_404_of_another_team_is_believed,
        "called missing|closed while its service|another team",
        "answer_for_another_team suspend resume delete_softly live_for_days live_on settle",
    ),
}
"""By name."""
