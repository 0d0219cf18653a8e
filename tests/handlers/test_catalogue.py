"""What can be ordered stands in `agent_templates`; a template that is gone or withdrawn stops no stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handlers.catalogue import Catalogue
from listener.compose.catalog import Catalog
from listener.compose.template import Template
from listener.pocketbase.writer import Writer
from tests.handlers.world import World

ROWS = "agent_templates"


def published(world: World, catalog: Catalog, *, closed: tuple[str, ...] = ()) -> Catalogue:
    """The catalogue's keeper in that world."""
    writer = Writer(pocketbase=world.place.database, holder=lambda: "nobody")
    return Catalogue(
        eyes=world.parts.eyes, catalog=catalog, writer=writer, language="de", gate=lambda: closed
    )


def templates(world: World) -> dict[str, Template]:
    catalog = world.place.catalog
    return {slug: one for slug in catalog.slugs() if (one := catalog.get(slug))}


async def rows(world: World) -> dict[str, Any]:
    return {row["id"]: row for row in await world.rows(ROWS)}


async def test_rows_are_written_once_and_marked_when_their_template_is_gone(world: World) -> None:
    await world.admin.delete(f"/api/collections/{ROWS}/truncate")
    all_of_them = templates(world)
    await published(world, world.place.catalog, closed=("observe_only",)).round()
    assert await rows(world) == {}
    await published(world, world.place.catalog).round()
    found = await rows(world)
    assert found.keys() == all_of_them.keys()
    assert found["base-llm"]["title"] == "Webseite"
    assert "API_KEY" in found["base-llm"]["parameters"]["properties"]
    await published(world, world.place.catalog).round()
    assert await rows(world) == found
    await published(world, Catalog({"base-llm": all_of_them["base-llm"]})).round()
    assert {slug: row["withdrawn"] for slug, row in (await rows(world)).items()} == {
        slug: slug != "base-llm" for slug in all_of_them
    }
    await published(world, world.place.catalog).round()
    assert not any(row["withdrawn"] for row in (await rows(world)).values())


async def test_a_withdrawn_template_makes_no_new_stack_and_serves_old_ones(world: World) -> None:
    old = await world.running()
    bot = templates(world)["telegram-bot"]
    manifest = bot.manifest.model_copy(update={"withdrawn": True})
    world.place = replace(world.place, catalog=Catalog({"telegram-bot": replace(bot, manifest=manifest)}))
    await world.restart()
    new = await world.stack()
    config = {"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-new", "OPENAI_API_KEY": "fake-key"}}
    await world.edit(old, config=config)
    await world.live(60)
    assert (await world.row(old))["status"] == "running"
    assert {one.key: one.value for one in world.service(old).variables}["TELEGRAM_BOT_TOKEN"] == "fake-new"
    row = await world.row(new)
    assert (row["status"], row["error_message"].split(" · ")[0]) == ("error", "TEMPLATE_WITHDRAWN")
