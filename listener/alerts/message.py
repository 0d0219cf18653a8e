"""`Message`: several alerts as one text for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

MOST = 20
"""Alerts that a text names; of more it says how many."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert that was raised or cleared. By `id` and `state` a receiver knows one that it had already."""

    id: str
    key: str
    kind: str
    severity: str
    state: Literal["raised", "cleared"]
    title: str
    text: str
    at: str
    tenant_id: str = ""
    stack_id: str = ""
    fix: str = ""
    """What a person does about it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once."""

    sender: str
    """The installation, as people know it."""
    notices: Sequence[Notice]

    @property
    def subject(self) -> str:
        """One line with the counts, or with the only alert."""
        if len(self.notices) == 1:
            (one,) = self.notices
            return f"{self.sender}: {_word(one)} {one.title}"
        counts = {state: sum(one.state == state for one in self.notices) for state in ("raised", "cleared")}
        return f"{self.sender}: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count)

    @property
    def body(self) -> str:
        """A line for each alert, raised ones first, with why it is so and what to do."""
        ordered = sorted(self.notices, key=lambda one: (one.state != "raised", one.at, one.id))
        lines = []
        for one in ordered[:MOST]:
            lines.append(f"{_word(one)} {one.title} ({one.at})")
            if one.state == "raised":
                lines += [f"  {text}" for text in (one.text, one.fix and f"→ {one.fix}") if text]
        if len(ordered) > MOST:
            lines.append(f"… and {len(ordered) - MOST} more: `cloudfreedom alerts`")
        return "\n".join(lines)

    def json(self) -> Mapping[str, Any]:
        """As a webhook gets it."""
        return {
            "version": VERSION,
            "sender": self.sender,
            "subject": self.subject,
            "alerts": [asdict(one) for one in self.notices],
        }


def _word(one: Notice) -> str:
    return "over:" if one.state == "cleared" else f"{one.severity}:"
