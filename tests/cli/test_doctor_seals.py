"""What rests sealed is tried with the keys that are set, and told without a value."""

from __future__ import annotations

from typing import Any

import pytest

from listener.cli.doctor import report
from listener.secrets.sealing import Sealer, new_key
from tests.cli.test_doctor import examined, marks
from tests.fixtures import Database

OWNER = "a" * 15


async def _kept(database: Database, name: str, value: str) -> None:
    row: dict[str, Any] = {"id": f"{name:x<15}", "tenant_id": OWNER, "name": name, "value": value}
    answer = await database.admin.post("/api/collections/stack_secrets/records", json=row)
    assert answer.status_code == 200, answer.text


async def test_a_value_that_no_key_opens_is_a_failure_until_the_former_key_is_back(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], database: Database
) -> None:
    assert marks((await examined(monkeypatch, alone))["sealed values"]) == "✓"
    former, present = new_key(), alone["LISTENER_SECRETS_KEY"]
    await _kept(database, "one", Sealer([present]).seal("fake-one"))
    await _kept(database, "two", Sealer([former]).seal("fake-two"))
    spec = {"id": "b" * 15, "collection": "agent_stacks", "last_spec": Sealer([former]).seal("{}")}
    answer = await database.admin.post("/api/collections/listener_ledger/records", json=spec)
    assert answer.status_code == 200, answer.text

    (line,) = (await examined(monkeypatch, alone))["sealed values"]
    assert (line.mark, line.text) == (
        report.Mark.FAILURE,
        "SEAL_BROKEN: 2 of 3 sealed values cannot be opened",
    )
    both = {**alone, "LISTENER_SECRETS_KEY": f"{present},{former}"}
    (line,) = (await examined(monkeypatch, both))["sealed values"]
    assert (line.mark, line.text) == (report.Mark.WARNING, "2 of 3 sealed values need a key behind the first")
    assert "rotate-key" in line.fix
    wrong = {**alone, "LISTENER_SECRETS_KEY": "fake-no-key"}
    assert marks((await examined(monkeypatch, wrong))["sealed values"]) == "-"
