"""Each law of the soak tells who breaks it, and is silent about what is lawful."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from listener.sandbox import world
from listener.sandbox.proxy import Proxy
from tests.soak import laws
from tests.soak.daemon import Daemon
from tests.soak.place import Place
from tests.soak.sight import GRACE, Sight

NOW = 1000.0
UUID, OTHER, FOREIGN = "a" * 24, "b" * 24, "f" * 24


def _service(uuid: str = UUID, stack: str = "one", **more: Any) -> dict[str, Any]:
    marker = f"cf1 inst=x tenant=t stack={stack} end"
    usual = {"uuid": uuid, "name": f"bot-{stack}", "description": marker, "deleted": False, "deletions": []}
    return {**usual, "containers": {"bot": True}, **more}


def _call(path: str, *, user: int = 0, at: float = NOW) -> dict[str, Any]:
    return {"method": "POST", "path": f"/api/v1{path}", "user": user, "at": at}


def _lawful() -> Sight:
    """Two stacks that run and one that rests; the first daemon leads, the second led before."""
    daemons = tuple(Daemon(str(n), n, Proxy(0), {}, Path(), taken=[NOW - 50 - n]) for n in (0, 1))
    place = Place(cast(world.World, None), cast("tuple[Daemon, Daemon]", daemons), foreign={FOREIGN: {}})
    sight = Sight(place, at=NOW, tenants={"t": {}})
    sight.services = [_service(), _service(OTHER, "two"), _service(FOREIGN, description="mine")]
    sight.projects = [{"description": "cf1 inst=x tenant=t end"}]
    sight.wishes = {"one": [(0.0, "running")], "two": [(0.0, "suspended")]}
    sight.wishes["three"] = [(0.0, "running"), (NOW - GRACE / 2, "suspended")]
    sight.calls = [_call("/services"), _call(f"/services/{UUID}/restart"), _call(f"/services/{OTHER}/stop")]
    return sight


def _twin(sight: Sight) -> None:
    sight.services.append(_service("c" * 24))


def _second_life(sight: Sight) -> None:
    sight.services[0]["deleted"] = True
    sight.place.purged.add("one")
    sight.services.append(_service("c" * 24))


def _second_project(sight: Sight) -> None:
    sight.projects *= 2


def _deletion(sight: Sight) -> None:
    sight.services[0]["deletions"] = [{}]


def _lost_volume(sight: Sight) -> None:
    sight.lost = {f"{UUID}_data"}


def _not_the_leader(sight: Sight) -> None:
    sight.calls.append(_call("/services", user=1))


def _foreign_gone(sight: Sight) -> None:
    sight.services[2]["deleted"] = True
    sight.place.purged.add("")


def _foreign_touched(sight: Sight) -> None:
    sight.calls.append(_call(f"/services/{FOREIGN}/envs"))


def _unwanted_start(sight: Sight) -> None:
    sight.calls.append(_call(f"/services/{OTHER}/restart"))


def _unwanted_stop(sight: Sight) -> None:
    sight.calls.append(_call(f"/services/{UUID}/stop"))


def _memory(sight: Sight) -> None:
    sight.place.daemons[0].rss = laws.MOST_MEMORY + 1


def _crash(sight: Sight) -> None:
    sight.place.daemons[0].ends.append(1)


def _bug(sight: Sight) -> None:
    sight.place.daemons[0].bugs.append("KeyError")


BREACHES: list[tuple[str, Callable[[Sight], None]]] = [
    ("two services with one marker", _twin),
    ("created twice in one life", _second_life),
    ("two projects of one tenant", _second_project),
    ("deleted without a purge", _deletion),
    ("a volume lost without a purge", _lost_volume),
    ("an effect of one that does not lead", _not_the_leader),
    ("an effect on what is foreign", _foreign_gone),
    ("an effect on what is foreign", _foreign_touched),
    ("asked for what is not wanted", _unwanted_start),
    ("asked for what is not wanted", _unwanted_stop),
    ("more memory than allowed", _memory),
    ("a daemon ended by itself", _crash),
    ("a run ended as nobody foresaw", _bug),
]


@pytest.mark.parametrize(("name", "breach"), BREACHES, ids=[breach.__name__[1:] for _, breach in BREACHES])
def test_a_breach_is_told_by_its_law(name: str, breach: Callable[[Sight], None]) -> None:
    sight = _lawful()
    law = laws.laws(sight.place)[name]
    assert list(law(sight)) == []
    breach(sight)
    assert len(list(law(sight))) == 1


def test_a_create_for_what_rests_is_told_once_and_one_of_a_moment_ago_is_lawful() -> None:
    sight = _lawful()
    sight.services = [_service(stack="one")]
    law = laws.laws(sight.place)["created what is not wanted"]
    sight.services.append(_service(OTHER, "three"))
    assert list(law(sight)) == []
    sight.services.append(_service("c" * 24, "two"))
    assert len(list(law(sight))) == 1
    assert list(law(sight)) == []


def test_a_change_of_mind_that_no_look_has_seen_makes_a_stop_lawful() -> None:
    sight = _lawful()
    law = laws.laws(sight.place)["asked for what is not wanted"]
    _unwanted_stop(sight)
    sight.place.minds = {"one": [(NOW - 2.0, "suspended"), (NOW - 1.0, "running")]}
    assert list(law(sight)) == []
    sight.place.minds = {"one": [(NOW - GRACE - 2.0, "suspended")]}
    assert len(list(law(sight))) == 1


def test_every_law_has_a_breach() -> None:
    names = {name for name, _ in BREACHES} | {"created what is not wanted"}
    assert names == set(laws.laws(_lawful().place))
