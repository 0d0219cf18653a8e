"""An answer in the chat while it grows."""

from __future__ import annotations

import time

from . import wire
from .bot_api import ApiError, BotApi

LONGEST = 4096
"""UTF-16 units of one message (Telegram's limit)."""
EDIT_SECONDS = 1.5


class Draft:
    """One answer: the first words are sent, later ones edited in, the rest follows in further messages."""

    def __init__(self, api: BotApi, chat: int) -> None:
        self._api = api
        self._chat = chat
        self._message: int | None = None
        self._shown = ""
        self._next_edit = 0.0

    def show(self, text: str) -> None:
        """The chat shows the beginning of `text`, unless the last edit is too recent."""
        first = split(text)[0] if text.strip() else ""
        if not first or first == self._shown or time.monotonic() < self._next_edit:
            return
        try:
            self._put(first, patient=self._message is None)
            self._next_edit = time.monotonic() + EDIT_SECONDS
        except ApiError as error:
            self._next_edit = time.monotonic() + max(error.pause, EDIT_SECONDS)
        except wire.WireError:
            self._next_edit = time.monotonic() + EDIT_SECONDS

    def finish(self, text: str) -> None:
        """The chat shows all of `text`. Raises as `BotApi` does."""
        first, *rest = split(text)
        if first != self._shown:
            self._put(first, patient=True)
        for part in rest:
            self._api.send(self._chat, part)

    def _put(self, text: str, *, patient: bool) -> None:
        if self._message is None:
            self._message = self._api.send(self._chat, text)
        else:
            self._api.edit(self._chat, self._message, text, patient=patient)
        self._shown = text


def split(text: str) -> list[str]:
    """The text in parts that fit into one message each, cut at a line or a blank where there is one."""
    parts = []
    while len(text.encode("utf-16-le")) // 2 > LONGEST:
        end = min(len(text), LONGEST)
        while len(text[:end].encode("utf-16-le")) // 2 > LONGEST:
            end -= max(1, (len(text[:end].encode("utf-16-le")) // 2 - LONGEST) // 2)
        cut = max(text.rfind("\n", end // 2, end), text.rfind(" ", end // 2, end))
        end = cut if cut > 0 else end
        parts.append(text[:end])
        text = text[end:].lstrip()
    return [part for part in [*parts, text] if part.strip()] or [text]
