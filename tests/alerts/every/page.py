"""The list for people in NIGHT.md: what each kind of alert said when it came and when it went."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from listener.alerts.message import Message, Notice
from tests.alerts.every.case import Story

FILE = Path(__file__).parents[3] / "NIGHT.md"
BEGIN, END = "<!-- alerts: begin -->", "<!-- alerts: end -->"
HEAD = """## Every alert, raised and cleared

Written by `python -m tests.alerts.every`: each kind from a real cause (PocketBase, the stand-in for Coolify,
the product's waits in virtual time), as a webhook got it. Each came once and went once; between the two, for
ten minutes or longer, nothing more of it was sent. STACK is the stack's id. `info` is kept and not sent.

A deploy past its deadline is `late`, a missing service `blocked`, a missing backup `backup_overdue`; two
matches are `matches`, a lost lease is `pocketbase`. A listener that is gone says nothing: that is told by
who watches `ALERT_HEARTBEAT_URL`, by Prometheus (`CloudFreedomListenerAbsent`, `CloudFreedomNoLeader`), and
by the row `NO LISTENER` of `stack_overview`.

| Kind | What happens | After | What people read | What ends it | After | And then |
|---|---|---|---|---|---|---|
"""
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def table(stories: Iterable[Story]) -> str:
    """The part between the markers, with them."""
    return f"{BEGIN}\n{HEAD}{''.join(map(_row, stories))}{END}\n"


def kinds(text: str) -> set[str]:
    """Those that the list in this text has a line for."""
    return set(ROW.findall(kept(text)))


def kept(text: str) -> str:
    """The part between the markers, with them; empty without."""
    begin, end = text.find(BEGIN), text.find(END)
    return text[begin : end + len(END)] + "\n" if 0 <= begin < end else ""


def replaced(text: str, part: str) -> str:
    """The text with this part in place of its own, or at its end."""
    own = kept(text)
    return text.replace(own, part) if own else f"{text.rstrip()}\n\n{part}"


def _row(story: Story) -> str:
    cells = (
        f"`{story.case.kind}`", story.case.cause, _span(story.raised_after), _read(story.raised),
        story.case.mend, _span(story.cleared_after), _read(story.cleared),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _read(notice: dict[str, Any]) -> str:
    """As in a mail, on one line of the table, without what differs from run to run."""
    one = Notice(**{field.name: notice[field.name] for field in fields(Notice)})
    _, *more = Message("", [one]).body.splitlines()
    word = "over" if one.state == "cleared" else one.severity
    text = "<br>".join([f"**{word}:** {one.title}", *(line.strip() for line in more)])
    text = text.replace(one.stack_id or "STACK", "STACK").replace("|", "\\|")
    return re.sub(r"\b(?=[a-z0-9]*\d)(?=[a-z0-9]*[a-z])[a-z0-9]{15,24}\b", "…", text)


def _span(seconds: float) -> str:
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 3 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} s"
