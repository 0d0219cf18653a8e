"""Telegram's Bot API: six methods over plain HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from . import wire

CALL_SECONDS = 20.0
POLL_SECONDS = 50
"""How long Telegram holds `getUpdates` open when there is nothing."""
POLL_GRACE = 15.0
LONGEST_PAUSE = 60.0
TRIES = 3

UNAUTHORIZED = frozenset({401, 404})
"""What `getMe` answers for a token that is wrong (401) or has no token's form (404)."""
CONFLICT = 409
NOT_MODIFIED = 400


class ApiError(Exception):
    """Telegram refused a call: its code, and the pause it asks for (seconds)."""

    def __init__(self, code: int, pause: float = 0.0) -> None:
        super().__init__(f"Telegram answered {code}")
        self.code = code
        self.pause = pause


@dataclass(frozen=True)
class Message:
    """One message to the bot. `text` is None for pictures, voice and the like."""

    chat: int
    user: int
    text: str | None
    private: bool
    language: str
    sent: float
    """Unix time."""


class BotApi:
    """The methods that the bot needs. Each raises `ApiError` or `wire.WireError`."""

    def __init__(self, base: str, token: str) -> None:
        self._root = f"{base}/bot{token}"

    def check(self) -> str:
        """The bot's user name, if the token is good."""
        return str(self._call("getMe").get("username", ""))

    def begin_polling(self) -> None:
        """No webhook is set afterwards, and no waiting message is lost."""
        self._call("deleteWebhook", drop_pending_updates=False)

    def messages(self, offset: int | None, *, wait: bool) -> list[tuple[int, Message | None]]:
        """Updates from `offset` on, oldest first, each with its message if it is one."""
        seconds = POLL_SECONDS if wait else 0
        updates = self._call(
            "getUpdates",
            timeout=seconds,
            allowed_updates=["message"],
            **({} if offset is None else {"offset": offset}),
            patience=seconds + POLL_GRACE,
        )
        if not isinstance(updates, list):
            raise wire.WireError("no list of updates")
        return [
            (int(u["update_id"]), _message(u)) for u in updates if isinstance(u, dict) and "update_id" in u
        ]

    def send(self, chat: int, text: str) -> int:
        """The id of the message that was sent; waits as often as Telegram asks for it."""
        return int(self._patiently("sendMessage", chat_id=chat, text=text)["message_id"])

    def edit(self, chat: int, message: int, text: str, *, patient: bool) -> None:
        """The message says `text`; that it said so already is fine."""
        call = self._patiently if patient else self._call
        try:
            call("editMessageText", chat_id=chat, message_id=message, text=text)
        except ApiError as error:
            if error.code != NOT_MODIFIED:
                raise

    def typing(self, chat: int) -> None:
        """The chat shows that the bot is writing, for about five seconds."""
        self._call("sendChatAction", chat_id=chat, action="typing")

    def _patiently(self, method: str, **fields: Any) -> Any:
        for _ in range(TRIES - 1):
            try:
                return self._call(method, **fields)
            except ApiError as error:
                if not 0 < error.pause <= LONGEST_PAUSE:
                    raise
                time.sleep(error.pause)
        return self._call(method, **fields)

    def _call(self, method: str, *, patience: float = CALL_SECONDS, **fields: Any) -> Any:
        with wire.answer(f"{self._root}/{method}", payload=fields, timeout=patience) as response:
            value = wire.body(response)
        if value.get("ok") is not True:
            parameters = value.get("parameters")
            pause = parameters.get("retry_after", 0) if isinstance(parameters, dict) else 0
            raise ApiError(int(value.get("error_code") or response.status), float(pause))
        return value.get("result")


def _message(update: dict[str, Any]) -> Message | None:
    try:
        message = update["message"]
        text = message.get("text")
        return Message(
            chat=int(message["chat"]["id"]),
            user=int(message["from"]["id"]),
            text=text if isinstance(text, str) else None,
            private=message["chat"].get("type") == "private",
            language=str(message["from"].get("language_code", "")),
            sent=float(message["date"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
