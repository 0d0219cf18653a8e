"""An alert travels as JSON or through Apprise, and a failure is told without the address's secrets."""

from __future__ import annotations

import pytest

from listener import errors
from listener.alerts.channels import channels
from listener.alerts.heartbeat import Heartbeat
from listener.alerts.message import MOST, Message, Notice
from tests.alerts.conftest import Receiver

TITLE = "acme-bot does not run"
NOTICE = Notice(
    "r1",
    "late:a",
    "late",
    "critical",
    "raised",
    "acme-bot does not run",
    "NOT_RUNNING · x",
    "now",
    fix="look",
)


async def test_a_webhook_gets_a_document_with_every_alert(receiver: Receiver) -> None:
    (channel,) = channels([receiver.url])
    await channel.send(Message("Here", [NOTICE]))
    (document,) = receiver.got
    assert (document["version"], document["sender"]) == (1, "Here")
    assert document["subject"] == "Here: critical: acme-bot does not run"
    assert document["alerts"][0] == {
        "id": "r1", "key": "late:a", "kind": "late", "severity": "critical", "state": "raised",
        "title": TITLE, "text": "NOT_RUNNING · x", "at": "now", "tenant_id": "", "stack_id": "",
        "fix": "look",
    }  # fmt: skip


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_what_is_not_accepted_is_an_error_without_the_path(receiver: Receiver, status: int) -> None:
    receiver.status = status
    (channel,) = channels([receiver.url])
    with pytest.raises(errors.Transient) as caught:
        await channel.send(Message("Here", [NOTICE]))
    assert (caught.value.code, caught.value.why) == ("ALERT_NOT_DELIVERED", f"HTTP {status}")
    assert "secret" not in str(caught.value)


async def test_nobody_there_is_an_error_too() -> None:
    (channel,) = channels(["http://127.0.0.1:9/secret-path"])
    with pytest.raises(errors.Transient, match="did not accept"):
        await channel.send(Message("Here", [NOTICE]))


@pytest.mark.parametrize("url", ["no-scheme", "unheard-of://secret-token@host", ""])
def test_an_address_that_can_never_work_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(errors.Refusal) as caught:
        channels([url])
    assert caught.value.code == "ALERT_URL_INVALID"
    assert "secret" not in str(caught.value)


async def test_apprise_speaks_to_what_it_knows(receiver: Receiver) -> None:
    pytest.importorskip("apprise")
    url = receiver.url.replace("http://", "json://")
    (channel,) = channels([url])
    assert channel.name == "json://…"
    receiver.status = 200
    await channel.send(Message("Here", [NOTICE]))
    (document,) = receiver.got
    assert document["title"] == "Here: critical: acme-bot does not run"
    receiver.status = 500
    with pytest.raises(errors.Transient):
        await channel.send(Message("Here", [NOTICE]))


def test_many_alerts_are_one_text_that_ends() -> None:
    over = Notice("r2", "late:b", "late", "critical", "cleared", "acme-web does not run", "", "now")
    message = Message("Here", [over, *[NOTICE] * (MOST + 5)])
    lines = message.body.splitlines()
    assert message.subject == f"Here: {MOST + 5} raised, 1 cleared"
    assert lines[:3] == ["critical: acme-bot does not run (now)", "  NOT_RUNNING · x", "  → look"]
    assert lines[-1] == "… and 6 more: `cloudfreedom alerts`"


async def test_the_heartbeat_beats_only_while_all_is_well(receiver: Receiver) -> None:
    is_well = True
    beat = Heartbeat(receiver.url, is_well=lambda: is_well)
    await beat.round()
    assert (receiver.asked, beat.interval()) == (1, 60.0)
    is_well = False
    await beat.round()
    assert (receiver.asked, beat.interval()) == (1, 5.0)
