"""The doctor's remedies, carried out as they are printed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from listener.cli.doctor import report
from listener.cli.exits import Exit
from tests.cli.commands import cloudfreedom

COMMAND = re.compile(r"`cloudfreedom ([^`]+)`")
ASKS = ("adopt", "recreate", "retry", "orphans", "accept")
"""Commands that ask before they act; here the answer is `--yes`."""
LOOKS = ("plan", "explain", "status", "doctor")
"""Commands that only show something, for a person to judge."""


def commands(line: report.Line) -> list[list[str]]:
    """The words of each command of ours in the remedy, those that only look left out."""
    found = [text.split() for text in COMMAND.findall(line.fix)]
    return [words for words in found if words[0] not in LOOKS and words[:2] != ["schema", "diff"]]


async def obeyed(env: Mapping[str, str], line: report.Line, **places: str) -> None:
    """The remedy's one command was run under these settings, a word in capitals replaced by its place."""
    (words,) = commands(line)
    words = [places.get(word, word) for word in words]
    done = await cloudfreedom(env, *words, *(["--yes"] if words[0] in ASKS else []))
    assert done.code == Exit.DONE, done.text
