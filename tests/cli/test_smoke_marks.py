"""What a smoke test is known by, what it orders, and what its report means."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from listener import errors
from listener.cli import smoke
from listener.cli.exits import Exit
from listener.cli.smoke import marker, order, walk
from listener.compose.catalog import Catalog


def test_a_provision_over_the_promise_is_a_failure() -> None:
    phase = walk.Phase("provision", walk.DONE, walk.PROMISE + 1, "")
    report = smoke.Report("smoke-x", "base-llm", (phase,), provisioned=phase.seconds)
    assert report.verdict is Exit.FAILED
    assert dataclasses.replace(report, provisioned=walk.PROMISE).verdict is Exit.DONE
    assert dataclasses.replace(report, provisioned=None).verdict is Exit.FAILED


def _row(mark: marker.Mark, **changes: str) -> dict[str, str]:
    row = {"id": mark.tenant_id, "slug": mark.slug, "name": mark.name, "type": marker.TYPE}
    return row | changes


def test_a_tenant_of_smoke_is_known_by_all_of_its_marks_together() -> None:
    mark = marker.Mark.new(600)
    assert marker.read(_row(mark)) == mark
    changes: tuple[dict[str, str], ...] = (
        {"id": "abcdefghijklmno"},
        {"slug": "smoke-test"},
        {"slug": "acme"},
        {"name": "Smoke test"},
        {"name": mark.name.replace("over by 2", "over by x")},
        {"type": "public"},
    )
    assert [marker.read(_row(mark, **one)) for one in changes] == [None] * len(changes)


def test_one_that_may_still_run_is_left_alone() -> None:
    mark, now = marker.Mark.new(600), datetime.now(UTC)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert mark.may_run(now)
    assert dataclasses.replace(mark, pid=1).may_run(now), "another user's process"
    assert not dataclasses.replace(mark, pid=gone.pid).may_run(now)
    assert dataclasses.replace(mark, pid=gone.pid, host="00000000").may_run(now), "not to be seen from here"
    assert not mark.may_run(now + timedelta(seconds=700))


def test_what_no_two_stacks_may_share_is_another_each_time() -> None:
    template = Catalog.load().get("telegram-bot")
    assert template is not None
    first, second = (
        order.variables(order.Order("telegram-bot", None, "starter", 60), template) for _ in "12"
    )
    assert first["TELEGRAM_BOT_TOKEN"] != second["TELEGRAM_BOT_TOKEN"]
    assert first["OPENAI_API_KEY"] == second["OPENAI_API_KEY"]
    with pytest.raises(errors.Refusal, match="no template"):
        order.variables(order.Order("nothing", None, "starter", 60), None)
