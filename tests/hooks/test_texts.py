"""What a tenant reads of saves, in the language that the listener wrote down."""

from __future__ import annotations

import pytest

from tests.hooks.stage import Stage

META = "/api/collections/listener_meta/records/main"


async def _timeline(stage: Stage) -> list[tuple[str, str]]:
    path, params = "/api/collections/stack_timeline/records", {"sort": "at"}
    answer = await stage.database.owner.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return [(row["text"], row["by"]) for row in answer.json()["items"]]


@pytest.mark.parametrize(
    ("language", "want"),
    [
        (
            "",
            [
                ("Created.", "tenant"),
                ("Stop requested. Changed: domain, settings.", "tenant"),
                ("The operator orders a stop: invoice 17", "staff"),
                ("The operator's stop is lifted. Restart requested.", "staff"),
                ("Start requested.", "staff"),
            ],
        ),
        (
            "de",
            [
                ("Created.", "tenant"),
                ("Halt angefordert. Geändert: Domain, Einstellungen.", "tenant"),
                ("Der Betreiber ordnet einen Halt an: invoice 17", "staff"),
                ("Der Halt durch den Betreiber ist aufgehoben. Neustart angefordert.", "staff"),
                ("Start angefordert.", "staff"),
            ],
        ),
    ],
)
async def test_the_owner_reads_who_asked_for_what(
    stage: Stage, language: str, want: list[tuple[str, str]]
) -> None:
    database = stage.database
    answer = await database.service.patch(META, json={"language": language})
    assert answer.status_code == 200, answer.text
    config = {"env_vars": {"A": "fake-secret"}}
    change = {"config": config, "desired_state": "suspended", "domain": "a.example.org"}
    await stage.save(change, by=database.owner)
    await stage.save({"hold": "invoice\n17"})
    await stage.save({"hold": "", "action": "restart"})
    await stage.show(action="", status="running")
    cli = await database.client("listeners", "cli", database.password.get_secret_value())
    await stage.save({"desired_state": "running"}, by=cli)
    assert sorted(await _timeline(stage)) == sorted(want)


async def test_the_longest_reason_is_cut_and_stored(stage: Stage) -> None:
    await stage.save({"hold": "ü" * 900})
    text, _ = (await _timeline(stage))[-1]
    assert len(text) == 200


async def test_the_last_state_of_a_removed_stack_ends_with_its_removal(stage: Stage) -> None:
    answer = await stage.database.admin.delete(stage.path)
    assert answer.status_code == 204
    (row,) = await stage.operations("record.delete")
    assert (row["state"], row["text"]) == ("deleted", "Removed.")
