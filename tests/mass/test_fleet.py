"""With our hooks: all stacks deleted at once, in the admin UI or by truncating the collection."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from tests.browser.ui import Tab
from tests.mass import stage as stages
from tests.mass.stage import LONG, TENANTS, Fleet
from tests.mass.survival import survives

pytestmark = pytest.mark.asyncio(loop_scope="module")
COUNT = 200
PAGE = 40
"""Rows that the admin UI loads at a time."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One world for all: each mistake is undone, and the second of an hour stops what the first left."""
    async with stages.opened(tmp_path_factory.mktemp("fleet")) as opened:
        await opened.fleet_of(COUNT)
        yield opened


async def _delete_all(fleet: Fleet, page: Page) -> None:
    """The list is loaded to its end, all of it is selected and deleted."""
    boxes = page.locator("tbody input[type=checkbox]")
    for shown in range(PAGE, COUNT, PAGE):
        await expect(boxes).to_have_count(shown)
        await page.get_by_role("button", name="Load more").click()
    await expect(boxes).to_have_count(COUNT)
    await page.get_by_role("columnheader").first.locator("label").click()
    await expect(page.get_by_text(f"Selected {COUNT} records")).to_be_visible()
    await page.get_by_role("main").get_by_text("Delete").last.click()
    await page.get_by_role("button", name="Yes").click()

    async def are_gone() -> bool:
        return not await fleet.rows("agent_stacks", fields="id")

    await fleet.until(are_gone, "the admin UI deleted all", seconds=LONG)


async def test_a_tenant_with_stacks_cannot_be_deleted(fleet: Fleet) -> None:
    before = await fleet.rows("agent_stacks", fields="id")
    answer = await fleet.admin.delete(f"{TENANTS}/{fleet.owner.tenant_id}")
    assert (answer.status_code, "Acme still has stacks: " in answer.json()["message"]) == (400, True)
    assert await fleet.rows("agent_stacks", fields="id") == before


async def test_all_selected_and_deleted_in_the_admin_ui_come_back(fleet: Fleet, chromium: str) -> None:
    database = fleet.world.pocketbase
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, chromium_sandbox=False)
        page = await browser.new_page(base_url=database.url)
        await page.goto("/_/")
        tab = Tab(page)
        await tab.sign_in(database.superuser_email, database.superuser_password.get_secret_value())
        await tab.open("agent_stacks")
        await survives(fleet, fleet.made, lambda: _delete_all(fleet, page))
        await browser.close()


async def test_a_truncated_collection_comes_back(fleet: Fleet) -> None:
    path = "/api/collections/agent_stacks/truncate"
    await survives(fleet, fleet.made, lambda: fleet.admin.delete(path, timeout=60.0))
