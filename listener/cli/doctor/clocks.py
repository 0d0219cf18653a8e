"""The clocks of both upstreams and ours agree: retention and messages are told by the time of day."""

from __future__ import annotations

from listener.cli.doctor import report, scene

APART = 300.0
"""Seconds. Nothing is purged while clocks are further apart."""


async def clocks(here: scene.Scene) -> list[report.Line]:
    """Each upstream that was reached, compared with this machine."""
    if not here.skews:
        return [report.skipped("nothing was reached")]
    return [_clock(url, ahead) for url, ahead in here.skews.items()]


def _clock(url: str, ahead: float | None) -> report.Line:
    if ahead is None:
        return report.unsure(f"{url} does not tell its time")
    if abs(ahead) <= APART:
        return report.good(f"{url} agrees with this machine within {max(1, round(abs(ahead)))} s")
    where = "ahead of" if ahead > 0 else "behind"
    return report.failure(
        f"{url} is {abs(ahead):.0f} s {where} this machine",
        "on whichever is wrong: `timedatectl set-ntp true`",
    )
