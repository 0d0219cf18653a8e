"""What counts as being deleted."""

from __future__ import annotations

import pytest

from handlers import ledger, records
from listener.cli import leaving

RECORD = records.StackRecord(id="s", desired_state="running")


@pytest.mark.parametrize(
    ("row", "record", "is_leaving"),
    [
        ({}, RECORD, False),
        ({}, None, True),
        ({}, records.StackRecord(id="s", desired_state="deleted"), True),
        ({"stage": "retained"}, RECORD, True),
        ({"applied_spec": {"orphan": "2030-01-01T00:00:00+00:00"}}, None, False),
    ],
)
def test_a_stack_without_a_record_is_being_deleted_unless_it_is_an_orphan(
    row: dict[str, object], record: records.StackRecord | None, *, is_leaving: bool
) -> None:
    kept = ledger.LedgerRow.read({"id": "s", "kind": "agent_stacks", **row})
    assert leaving.is_leaving(kept, record) is is_leaving
