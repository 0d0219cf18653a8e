"""An answer in the chat while it grows."""

from __future__ import annotations

import time

from . import wire
from .bot_api import BAD_REQUEST, LONGEST_PAUSE, ApiError, BotApi
from .units import split

EDIT_SECONDS = 1.5


class Draft:
    """One answer: the first words are sent, later ones edited in, the rest follows in further messages."""

    def __init__(self, api: BotApi, chat: int) -> None:
        self._api = api
        self._chat = chat
        self._message: int | None = None
        self._shown = ""
        self._next = 0.0

    def show(self, text: str) -> None:
        """The chat shows the beginning of `text`, unless the last edit is too recent."""
        if time.monotonic() < self._next or not text.strip():
            return
        first = split(text)[0]
        if first == self._shown:
            return
        pause = 0.0
        try:
            self._put(first, patient=False)
        except ApiError as error:
            pause = error.pause
        except wire.WireError:
            pass
        self._next = time.monotonic() + max(pause, EDIT_SECONDS)

    def finish(self, text: str) -> None:
        """The chat shows all of `text`, after the pause that is due. Raises as `BotApi` does."""
        first, *rest = split(text)
        if first != self._shown:
            pause = self._next - time.monotonic()
            if pause > LONGEST_PAUSE:
                raise ApiError(429, pause)
            time.sleep(max(0.0, pause))
            self._put(first, patient=True)
        for part in rest:
            self._api.send(self._chat, part)

    def _put(self, text: str, *, patient: bool) -> None:
        if self._message is None or not self._edited(self._message, text, patient=patient):
            self._message = None
            self._message = self._api.send(self._chat, text, patient=patient)
        self._shown = text

    def _edited(self, message: int, text: str, *, patient: bool) -> bool:
        """False if the message cannot be edited (any more): the person deleted it, say."""
        try:
            self._api.edit(self._chat, message, text, patient=patient)
        except ApiError as error:
            if error.code == BAD_REQUEST:
                return False
            raise
        return True
