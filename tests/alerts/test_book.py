"""Whatever comes and goes, each alert is raised once and cleared once, and people get either once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.alerting.book import FLAPS, Book, Row
from handlers.alerting.conditions import Alert

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
LATE = Alert("late:a", "late", "acme-bot", "NOT_RUNNING · it does not run", "t", "a")
UNWELL = Alert("unhealthy:b", "unhealthy", "acme-chat", "", "t", "b")
TAKEN = Alert("refused:c", "refused", "acme-web")


class Days:
    """A book and its clock."""

    def __init__(self, patience: float = 120.0) -> None:
        numbers = itertools.count()
        self.book = Book(patience=patience, calm=60.0, new_id=lambda: f"row{next(numbers)}")
        self.now = BEGAN
        self.got: list[tuple[str, bool]] = []

    def live(self, *found: Alert, seconds: float = 10.0, times: int = 1, deaf: bool = False) -> None:
        """So many looks, at each of which this is found; people are told at each unless they are deaf."""
        for _ in range(times):
            self.now += timedelta(seconds=seconds)
            self.book.step({one.key: one for one in found}, self.now)
            if not deaf:
                news = self.book.untold()
                self.got += [(row.alert.key, row.cleared is not None) for row in news]
                self.book.tell(news, self.now)


def test_what_is_wrong_is_told_once_and_its_end_once() -> None:
    days = Days()
    days.live(LATE, times=30)
    days.live(times=30)
    assert days.got == [("late:a", False), ("late:a", True)]


def test_a_patient_kind_that_passes_by_itself_is_no_alert() -> None:
    days = Days()
    days.live(UNWELL, times=11)
    days.live(times=5)
    assert (days.got, days.book.rows) == ([], {})
    days.live(UNWELL, times=14)
    assert days.got == [("unhealthy:b", False)]


def test_a_short_absence_is_no_end() -> None:
    days = Days()
    for _ in range(5):
        days.live(LATE, times=3)
        days.live(times=4)
    assert days.got == [("late:a", False)]


def test_what_is_only_kept_is_neither_raised_nor_over_and_its_text_stays() -> None:
    kept = replace(LATE, text="", is_kept=True)
    days = Days()
    days.live(kept, times=30)
    assert (days.got, days.book.rows) == ([], {})
    days.live(LATE)
    days.live(kept, times=30)
    (row,) = days.book.open().values()
    assert (days.got, row.alert) == ([("late:a", False)], LATE)
    days.live(times=10)
    assert days.got == [("late:a", False), ("late:a", True)]


def test_an_alert_that_comes_and_goes_is_told_as_that_instead() -> None:
    days = Days()
    for _ in range(6):
        days.live(LATE, times=10)
        days.live(times=10)
    keys = [key for key, _ in days.got]
    assert keys.count(f"{FLAPS}late:a") == 1
    assert keys.count("late:a") <= 5
    days.live(times=200)
    assert days.got[len(keys) :] == [("late:a", True), (f"{FLAPS}late:a", True)]
    days.live(times=200)
    assert days.book.open() == {}


def test_info_is_kept_and_not_told() -> None:
    days = Days()
    days.live(TAKEN, times=5)
    assert (days.got, list(days.book.open())) == ([], ["refused:c"])


def test_what_came_and_went_while_nobody_could_be_told_is_told_as_over() -> None:
    days = Days()
    days.live(LATE, times=5, deaf=True)
    days.live(times=10, deaf=True)
    days.live()
    assert days.got == [("late:a", True)]


def test_another_process_goes_on_with_what_was_open_and_untold() -> None:
    days, later = Days(), Days()
    days.live(LATE, deaf=True)
    later.now = days.now
    later.book.load(days.book.rows.values())
    later.live(LATE, times=3)
    later.live(times=10)
    assert later.got == [("late:a", False), ("late:a", True)]


def test_a_row_says_whom_it_is_about_and_what_is_so() -> None:
    row = Row("r", LATE, BEGAN)
    assert row.fields() == {
        "key": "late:a", "kind": "late", "severity": "critical", "title": "acme-bot does not run",
        "text": "NOT_RUNNING · it does not run", "tenant_id": "t", "stack_id": "a",
        "raised": "2030-01-01 00:00:00.000Z", "cleared": "", "told": "", "told_cleared": "",
    }  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sets(st.sampled_from([LATE, UNWELL, TAKEN])), st.integers(1, 30), st.booleans()))
)
def test_at_the_end_nothing_is_open_and_whoever_heard_of_it_heard_of_its_end(
    history: list[tuple[set[Alert], int, bool]],
) -> None:
    days = Days()
    for found, times, deaf in history:
        days.live(*found, times=times, deaf=deaf)
    days.live(times=400)
    assert days.book.open() == {}
    flapped = {key.removeprefix(FLAPS) for key, _ in days.got if key.startswith(FLAPS)}
    for key in {key for key, _ in days.got} - flapped:
        told = [is_over for heard, is_over in days.got if heard == key]
        assert told[-1] is True
        assert all(first or second for first, second in itertools.pairwise(told))
    days.book.forget(days.now + timedelta(hours=2))
    assert all(row.severity == "info" or row.cleared for row in days.book.rows.values())
