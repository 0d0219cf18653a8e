"""Which side answers: records while PocketBase can be reached, else the markers in Coolify."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from listener import errors
from listener.cli import configured, markers, reach, show

AWAY = (errors.Transient, errors.Throttled)
"""What an upstream that is down, or wants to be left alone, is to whoever asks it."""
NAMES = {"pocketbase": "PocketBase", "coolify": "Coolify"}
INSTEAD = {
    "pocketbase": "this is what the markers in Coolify say; only stacks with a service are seen",
    "coolify": "this is what the records say, as they were last written",
}
"""Who is away -> what is shown all the same."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an answer comes from, and who could not be asked."""

    away: str = ""
    """pocketbase or coolify; empty when both were there."""
    why: str = ""

    @property
    def name(self) -> str:
        """What was read."""
        return "markers" if self.away == "pocketbase" else "records"

    def json(self) -> dict[str, object]:
        """The fields that every answer in JSON begins with."""
        return {"source": self.name, "away": [self.away] if self.away else []}

    def tell(self) -> None:
        """The first line, on standard error: who is away, and what is shown instead."""
        if self.away:
            text = f"{NAMES[self.away]} is away ({self.why}): {INSTEAD[self.away]}."
            print(show.clean(text), file=sys.stderr, flush=True)


PRESENT = Source()


def without(upstream: str, error: errors.ListenerError) -> Source:
    """The source of an answer that was found without this upstream."""
    return Source(upstream, f"{error.code}: {error.why or error.what}")


async def marked(settings: configured.Database, error: errors.ListenerError) -> list[markers.Marked]:
    """What Coolify alone tells, when PocketBase is away by `error`; raises when Coolify is, too."""
    if not settings.knows_coolify:
        raise error
    try:
        async with reach.coolify(settings) as coolify:
            return await markers.services(coolify)
    except AWAY as second:
        raise errors.UpstreamUnavailable(
            "BOTH_AWAY",
            "neither PocketBase nor Coolify answers, so nothing can be told",
            why=f"{error.code}: {error.why or error.what}; {second.code}: {second.why or second.what}",
            fix="look at the network of this host, then at the two; `cloudfreedom doctor` checks each",
        ) from second
