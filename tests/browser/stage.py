"""The sandbox's world with our hooks, and a browser: staff works in one window and watches in another."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, FloatRect, Page, async_playwright

from listener.pocketbase import hooks
from listener.sandbox import people
from listener.sandbox import world as worlds
from tests.browser.ui import PATIENCE, Tab
from tests.fixtures import signed_in

HEIGHT = 840
WORK_WIDTH, WATCH_WIDTH = 1200, 1600
SHOT_WIDTH = 1200
"""Pixels of a picture; that of a wider window is scaled down."""
STACKS = "/api/collections/agent_stacks/records"
COLUMNS = "stack_name", "desired_state", "status", "message"


@dataclass(frozen=True)
class Stage:
    """Everything that the story needs."""

    world: worlds.World
    work: Tab
    """The window in which staff fills in forms."""
    watch: Tab
    """The window in which the list of stacks stays open."""
    colleague: httpx.AsyncClient
    """Of somebody else on the staff, who has no browser open."""
    shots: Path | None
    """Where pictures go, if any are taken."""

    async def record(self, name: str) -> Any:
        """The stack's record as it is stored."""
        path = f"{STACKS}?filter=stack_name='{name}'"
        (row,) = (await people.ask(self.world.admin, "GET", path))["items"]
        return row

    async def elsewhere(self, name: str, **fields: Any) -> None:
        """The colleague changes the record meanwhile."""
        await people.ask(self.colleague, "PATCH", f"{STACKS}/{(await self.record(name))['id']}", fields)

    async def edits(self, name: str) -> list[list[str]]:
        """What people changed on the stack's record so far: the fields of each save, oldest first."""
        wanted = f"verb='record.update' %26%26 stack_id='{(await self.record(name))['id']}'"
        path = f"/api/collections/stack_operations/records?sort=@rowid&filter={wanted}"
        return [row["detail"]["fields"] for row in (await people.ask(self.world.admin, "GET", path))["items"]]

    async def shot(self, name: str, tab: Tab, *, height: int = HEIGHT) -> None:
        """A picture of the upper part of the tab, with the mouse out of the way."""
        if self.shots is not None:
            width = WORK_WIDTH if tab is self.work else WATCH_WIDTH
            clip = FloatRect(x=0, y=0, width=width, height=height)
            await tab.page.mouse.move(width / 2, 2)
            await tab.page.screenshot(path=self.shots / f"{name}.png", clip=clip, animations="disabled")


@asynccontextmanager
async def opened(folder: Path, chromium: str, *, shots: Path | None = None) -> AsyncIterator[Stage]:
    """A stage of one's own, with the superuser signed in; nothing of it is left on exit.

    `chromium` is the program's path. It runs without its sandbox, which root cannot have.
    """
    hooks.install(folder / "pb_hooks", force=False)
    async with worlds.running(folder) as world, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, chromium_sandbox=False)
        try:
            work = Tab(await _page(browser, world, WORK_WIDTH))
            database = world.pocketbase
            await work.sign_in(database.superuser_email, database.superuser_password.get_secret_value())
            watch = Tab(await _page(browser, world, WATCH_WIDTH, beside=work.page))
            for tab in (work, watch):
                await tab.open("agent_stacks")
                await tab.keep_columns(*COLUMNS)
            async with _colleague(world) as colleague:
                yield Stage(world, work, watch, colleague, shots)
        finally:
            await browser.close()


@asynccontextmanager
async def _colleague(world: worlds.World) -> AsyncIterator[httpx.AsyncClient]:
    account = {"email": "grace@sandbox.example", "password": secrets.token_hex(16)}
    body = {**account, "passwordConfirm": account["password"]}
    await people.ask(world.admin, "POST", "/api/collections/_superusers/records", body)
    url = world.pocketbase.url
    async with signed_in(url, "_superusers", account["email"], account["password"]) as http:
        yield http


async def _page(browser: Browser, world: worlds.World, width: int, *, beside: Page | None = None) -> Page:
    """A window of its own, which is never in the background; signed in as the one `beside` it is."""
    context = await browser.new_context(
        base_url=world.pocketbase.url,
        viewport={"width": width, "height": HEIGHT},
        device_scale_factor=SHOT_WIDTH / width,
        color_scheme="light",
        storage_state=await beside.context.storage_state() if beside else None,
    )
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    await page.goto("/_/")
    return page
