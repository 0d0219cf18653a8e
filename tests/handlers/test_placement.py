"""Servers and the line before them: figures of the seed host, and what holds for any line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import pb_schema
from handlers import demand, placement, records, servers
from handlers.amounts import GIGABYTE, NOTHING, Demand
from listener.compose import catalog as catalogs

SEEDS = Path(pb_schema.__file__).with_name("seeds.yaml")
CATALOG = catalogs.Catalog.load(catalogs.default_folder())


def seed_host(*, is_disk_known: bool) -> placement.Server:
    """The default server as it is first written."""
    row = records.server({"id": "x", "uuid": "u", **servers.SEED})
    return placement.Server(
        uuid="u",
        name="host",
        cpus=row.cpus - row.reserve_cpus,
        memory_mb=row.memory_mb - row.reserve_memory_mb,
        disk_mb=int((row.disk_gb - row.reserve_disk_gb) * GIGABYTE),
        cpu_overcommit=row.cpu_overcommit,
        memory_overcommit=row.memory_overcommit,
        disk_overcommit=row.disk_overcommit,
        is_disk_known=is_disk_known,
    )


def of_team(slug: str) -> Demand:
    """What one stack of the template takes in the tier Team."""
    row = yaml.safe_load(SEEDS.read_text())["plan_tiers"]["team"]
    template = CATALOG.get(slug)
    assert template is not None
    record = records.StackRecord(id="s", template=slug)
    return demand.of(template.manifest, record, "team", records.tier({"id": "team", **row}))


@pytest.mark.parametrize(
    ("slug", "is_disk_known", "count"),
    [
        ("telegram-bot", True, 114),
        ("openclaw-agent", True, 14),
        ("base-llm", True, 7),
        ("base-llm", False, 2),
    ],
)
def test_the_table_of_the_paper_is_what_the_seed_host_holds(
    slug: str, is_disk_known: bool, count: int
) -> None:
    host, need, held, found = seed_host(is_disk_known=is_disk_known), of_team(slug), NOTHING, 0
    while host.lacks(held, need) == NOTHING:
        held, found = held + need, found + 1
    assert found == count


AMOUNTS = st.builds(
    Demand,
    cpus=st.sampled_from([0.0, 0.25, 1.0, 3.0]),
    widest=st.sampled_from([0.25, 1.0, 3.0]),
    memory_mb=st.sampled_from([64, 256, 1024, 5000]),
    planned_mb=st.sampled_from([16, 64]),
    disk_mb=st.sampled_from([0, 0, 512, 2048]),
)
HOSTS = {
    "a": placement.Server("a", "a", cpus=4, memory_mb=2048, disk_mb=2048, is_default=True, cores=4),
    "b": placement.Server("b", "b", cpus=2, memory_mb=1024, cpu_overcommit=2.0, cores=2),
}


@given(
    needs=st.lists(AMOUNTS, max_size=12),
    wheres=st.lists(st.sampled_from([("a",), ("b",), ("a", "b")]), min_size=12, max_size=12),
    ranks=st.lists(st.sampled_from([0, -10]), min_size=12, max_size=12),
)
def test_whoever_is_placed_fits_together_and_nobody_overtakes(
    needs: list[Demand], wheres: list[tuple[str, ...]], ranks: list[int]
) -> None:
    askers = [
        placement.Asker(str(n), (ranks[n], f"{n:02}", ""), need, wheres[n], need)
        for n, need in enumerate(needs)
    ]
    places = placement.line_up(reversed(askers), HOSTS, {})
    for name, host in HOSTS.items():
        held = NOTHING
        for asker in askers:
            if places[asker.id] == placement.Placed(name):
                held += asker.need
        assert host.lacks(NOTHING, held) == NOTHING
    for one in askers:
        if isinstance(places[one.id], placement.Queued):
            later = [two for two in askers if two.order > one.order]
            for two in later:
                place = places[two.id]
                taken = place.server if isinstance(place, placement.Placed) else ""
                assert taken not in one.servers or HOSTS[taken].lacks(NOTHING, one.need) != NOTHING
    for one in askers:
        place = places[one.id]
        if isinstance(place, placement.Placed):
            assert one.need.widest <= HOSTS[place.server].cores
    numbers = sorted(place.place for place in places.values() if isinstance(place, placement.Queued))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_container_wider_than_a_server_waits_for_the_other_and_keeps_nobody_off_the_small_one() -> None:
    full = {"a": Demand(cpus=4.0)}
    wide, slim = Demand(cpus=3.0, widest=3.0), Demand(cpus=1.0, widest=1.0)
    askers = [
        placement.Asker("wide", (0, "1", ""), wide, ("a", "b"), wide),
        placement.Asker("slim", (0, "2", ""), slim, ("a", "b"), slim),
    ]
    places = placement.line_up(askers, HOSTS, full)
    assert places == {"wide": placement.Queued(1, "a", Demand(cpus=3.0)), "slim": placement.Placed("b")}
