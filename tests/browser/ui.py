"""The admin UI as people use it: found by label, role and visible text, and by the names that fields carry.

Written after what PocketBase 0.40.6 serves. Its lists do not follow the database: who waits presses Refresh.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

PATIENCE = 30_000
"""Milliseconds until the UI must show what it should; it shows most things at once."""
GLANCE = 700
"""Milliseconds between two presses of Refresh."""
RECORD = re.compile(r"/records/\w+$")
"""What a form loads when it is opened."""
BESIDE = 3
"""Columns that no switch hides: the one to select rows, `id`, and the one with the switches."""
expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Form:
    """The open form of one record."""

    page: Page

    @property
    def box(self) -> Locator:
        """All of it."""
        return self.page.locator("[data-pb=recordUpsertModal]")

    def field(self, name: str) -> Locator:
        """What holds the field's value and its controls."""
        return self.box.locator(f"[name={name}]")

    def fault(self, name: str) -> Locator:
        """The words under a field that was refused."""
        return self.box.locator(f"[data-input-name={name}]")

    async def write(self, name: str, text: str) -> None:
        """The text field has this text."""
        await self.box.get_by_label(name, exact=True).fill(text)

    async def write_json(self, name: str, text: str) -> None:
        """The JSON field has this text; its editor has no label, and the form hears of it when it is left."""
        editor = self.field(name).get_by_role("textbox")
        await editor.fill(text)
        await editor.blur()

    async def choose(self, name: str, value: str) -> None:
        """The select has this value."""
        await self.box.get_by_label(name, exact=True).click()
        await self.field(name).get_by_role("button", name=value, exact=True).click()
        await expect(self.field(name)).to_contain_text(value)

    async def relate(self, name: str, collection: str, record: str) -> None:
        """The relation names this record, chosen in the picker."""
        await self.field(name).get_by_role("button", name="Open records picker").click()
        title = self.page.get_by_role("heading", name=collection, exact=True)
        picker = self.page.locator("[data-modal-state=open]").filter(has=title)
        await picker.get_by_text(record, exact=True).click()
        await picker.get_by_role("button", name="Set selection").click()
        await expect(self.field(name)).to_contain_text(record)

    async def press(self, button: str) -> None:
        """A button of the form is pressed; what comes of it is for the caller to expect."""
        await self.box.get_by_role("button", name=button, exact=True).click()

    async def save(self, button: str = "Save changes") -> None:
        """It was saved, and is closed."""
        await self.press(button)
        await expect(self.box).to_have_count(0)

    async def save_and_continue(self) -> None:
        """It was saved, and stays open."""
        await self.box.press("Control+s")
        await expect(self.box.get_by_role("button", name="Save changes", exact=True)).to_be_disabled()

    async def is_refused(self, name: str, words: str) -> None:
        """Pressing the button saves nothing; the words stand under this field, and the form stays open."""
        await self.press("Save changes")
        await expect(self.fault(name)).to_contain_text(words)

    async def refusal(self, button: str) -> dict[str, dict[str, str]]:
        """Pressing the button is answered by PocketBase with this: field -> code and message."""
        async with self.page.expect_response(lambda answer: answer.request.method == "POST") as waiting:
            await self.press(button)
        faults: dict[str, dict[str, str]] = (await (await waiting.value).json())["data"]
        return faults

    async def discard(self) -> None:
        """It is closed without saving, and no draft is kept."""
        await self.press("Close")
        await self.page.get_by_role("button", name="Yes, discard").click()
        await expect(self.box).to_have_count(0)


@dataclass(frozen=True)
class Tab:
    """One tab in which the admin UI is open, the only one of its window: Chromium slows hidden ones down."""

    page: Page

    async def sign_in(self, email: str, password: str) -> None:
        """The superuser is signed in."""
        await self.page.get_by_label("Email").fill(email)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.page.get_by_role("button", name="Login").click()
        await expect(self.page.get_by_role("button", name=email)).to_be_visible()

    async def open(self, collection: str) -> None:
        """The collection's list is shown."""
        await self.page.get_by_role("complementary").get_by_title(collection, exact=True).click()
        await expect(self.page.get_by_role("main").locator("header").get_by_title(collection)).to_be_visible()

    async def keep_columns(self, *names: str) -> None:
        """Of the list's columns these are shown, and `id`, and no others."""
        menu = self.page.get_by_title("Toggle columns")
        await menu.click()
        await expect(menu.locator("label").first).to_be_visible()
        for label in await menu.locator("label").all():
            if await label.inner_text() not in names:
                await label.click()
        await self.page.keyboard.press("Escape")
        await expect(self.page.get_by_role("columnheader")).to_have_count(len(names) + BESIDE)

    def row(self, name: str) -> Locator:
        """The row of the record that is called so."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_text(name, exact=True))

    async def shows(self, name: str, **cells: str) -> None:
        """After some presses of Refresh the record's row has these texts at the beginning of its cells."""
        for turn in range(PATIENCE // GLANCE, -1, -1):
            try:
                for field, text in cells.items():
                    cell = self.row(name).locator(f"[data-name={field}]")
                    await expect(cell).to_have_text(re.compile(f"^{re.escape(text)}"), timeout=GLANCE)
            except AssertionError:
                if turn == 0:
                    raise
                await self.page.get_by_role("button", name="Refresh").click()
            else:
                return

    async def new(self) -> Form:
        """An empty form."""
        await self.page.get_by_role("button", name="New record").first.click()
        return await self._form()

    async def edit(self, name: str) -> Form:
        """The form of the record that is called so, as it is now."""
        async with self.page.expect_response(RECORD):
            await self.row(name).get_by_text(name, exact=True).click()
        return await self._form()

    async def reload(self) -> Form:
        """The page was loaded anew, as after a crash of the browser; it opens the form again."""
        async with self.page.expect_response(RECORD):
            await self.page.reload()
        return await self._form()

    async def _form(self) -> Form:
        form = Form(self.page)
        await expect(form.box).to_have_attribute("data-modal-state", "open")
        await expect(form.field("id")).to_be_visible()
        return form
