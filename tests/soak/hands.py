"""What people do in Coolify's own pages."""

from __future__ import annotations

import random
from typing import Any

from listener.sandbox import people
from tests.soak.place import Place


async def stop(place: Place, dice: random.Random) -> None:
    """Somebody presses stop."""
    await _press(place, dice, "stop", runs=True)


async def start(place: Place, dice: random.Random) -> None:
    """Somebody presses start, also on what is suspended or deleted and kept."""
    await _press(place, dice, "start", runs=False)


async def die(place: Place, dice: random.Random) -> None:
    """The containers are gone from the host."""
    await _press(place, dice, "kill", runs=True)


async def _press(place: Place, dice: random.Random, verb: str, *, runs: bool) -> None:
    state: dict[str, Any] = await people.ask(place.standin, "GET", "/_standin/state")
    found = [
        one["uuid"]
        for one in state["services"]
        if not one["deleted"] and one["uuid"] not in place.foreign and any(one["containers"].values()) is runs
    ]
    if found:
        await people.ask(place.standin, "POST", "/_standin/hand", {"do": verb, "uuid": dice.choice(found)})
