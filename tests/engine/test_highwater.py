"""The highest fence that this host saw outlives PocketBase's memory of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from listener.engine.highwater import EVERY, NAME, HighWater


class Host:
    """A state directory, a fence and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fence = -1
        self.seconds = 0.0

    def begin(self, inst: str = "0a1b2c3d") -> HighWater:
        """A process begins."""
        return HighWater(self.folder, inst=inst, fence=lambda: self.fence, clock=lambda: self.seconds)

    @property
    def kept(self) -> int:
        """The fence in the file."""
        return int(json.loads((self.folder / NAME).read_text())["fence"])


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def keep(host: Host, fence: int) -> HighWater:
    """A process that saw this fence and kept it."""
    mark = host.begin()
    host.fence = fence
    mark.keep()
    return mark


def test_nothing_is_older_before_the_lease_was_read(host: Host) -> None:
    keep(host, 90)
    host.fence = -1
    assert not host.begin().is_older()


def test_a_lower_fence_is_older_and_a_higher_one_is_not(host: Host) -> None:
    keep(host, 90)
    mark = host.begin()
    host.fence = 89
    assert mark.is_older()
    host.fence = 90
    assert not mark.is_older()


def test_a_fence_that_falls_while_the_process_lives_is_older_at_once(host: Host) -> None:
    mark = keep(host, 90)
    host.fence = 200
    mark.keep()
    assert host.kept == 90
    host.fence = 199
    assert mark.is_older()


def test_the_file_is_written_once_a_minute_at_most(host: Host) -> None:
    mark = keep(host, 90)
    host.fence, host.seconds = 95, EVERY - 1
    mark.keep()
    assert host.kept == 90
    host.seconds = EVERY
    mark.keep()
    assert host.kept == 95
    assert [one.name for one in host.folder.iterdir()] == [NAME]


def test_what_was_found_stays_found_though_the_fence_climbs_above_the_mark(host: Host) -> None:
    keep(host, 90)
    mark = host.begin()
    host.fence = 10
    assert mark.latch("2026-01-01 00:00:00.000Z")
    host.fence = 500
    mark.keep()
    later = host.begin()
    assert (later.is_older(), later.latched, later.highest) == (True, "2026-01-01 00:00:00.000Z", 90)
    assert not later.latch("")


def test_an_acceptance_makes_the_present_fence_the_mark(host: Host) -> None:
    keep(host, 90)
    mark = host.begin()
    host.fence = 10
    mark.latch("")
    mark.accept()
    assert (mark.is_older(), host.kept, host.begin().is_older()) == (False, 10, False)


def test_another_installations_mark_is_ignored(host: Host) -> None:
    keep(host, 90)
    mark = host.begin("99999999")
    host.fence = 10
    assert not mark.is_older()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"inst": "0a1b2c3d"}', '{"inst": "0a1b2c3d", "fence": "x"}']
)
def test_a_broken_file_is_no_mark(host: Host, text: str) -> None:
    (host.folder / NAME).write_text(text)
    mark = host.begin()
    host.fence = 10
    assert not mark.is_older()
    mark.keep()
    assert host.kept == 10


def test_a_directory_that_cannot_be_written_hurts_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path / "none")
    mark = keep(host, 90)
    assert (mark.highest, mark.is_older()) == (90, False)
