"""One host name, two stacks: who waits, and for how long."""

from __future__ import annotations

from tests.handlers.world import World


async def test_a_domain_that_one_of_ours_still_holds_in_coolify_is_waited_for(world: World) -> None:
    """The ledger says that it is free; Coolify's row of the former holder lags behind."""
    first = await world.running("base-llm", domain="one.example.org")
    part = world.service(first).parts[0]
    await world.edit(first, domain="two.example.org")
    await world.settle()
    part.fqdn = "https://one.example.org:8080"
    second = await world.stack("base-llm", domain="one.example.org")
    await world.settle(60.0)
    row = await world.row(second)
    assert row["message"].startswith("Waiting: another stack of ours"), row
    part.fqdn = "https://two.example.org:8080"
    await world.live(2000.0)
    assert (await world.row(second))["status"] == "running"
    assert len(world.services(second)) == 1
