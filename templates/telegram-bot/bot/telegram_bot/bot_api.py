"""Telegram's Bot API: six methods over plain HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from . import wire
from .units import whole

CALL_SECONDS = 20.0
POLL_SECONDS = 50
"""How long Telegram holds `getUpdates` open when there is nothing."""
POLL_GRACE = 15.0
LAST_SECONDS = 2.0
"""Patience with the last call: the container is about to be killed."""
LONGEST_PAUSE = 60.0
"""A longer `retry_after` is obeyed by giving up."""
RETRY_SECONDS = (1.0, 2.0)
"""Pauses before an answer is sent again that Telegram had trouble with."""

UNAUTHORIZED = frozenset({401, 404})
"""What `getMe` answers for a token that is wrong (401) or has no token's form (404)."""
CONFLICT = 409
BAD_REQUEST = 400


class ApiError(Exception):
    """Telegram refused a call: its code, the pause it asks for (seconds), its words for our eyes only."""

    def __init__(self, code: int, pause: float = 0.0, words: str = "") -> None:
        super().__init__(f"Telegram answered {code}")
        self.code = code
        self.pause = pause
        self.words = words


@dataclass(frozen=True)
class Message:
    """One message to the bot. `text` is None for pictures, voice and the like."""

    chat: int
    user: int
    text: str | None
    private: bool
    language: str
    sent: int
    """Unix time."""


class BotApi:
    """The methods that the bot needs. Each raises `ApiError` or `wire.WireError`."""

    def __init__(self, base: str, token: str) -> None:
        self._root = f"{base}/bot{token}"

    def check(self) -> str:
        """The bot's user name, if the token is good."""
        me = self._call("getMe")
        return str(me.get("username", "")) if isinstance(me, dict) else ""

    def begin_polling(self) -> None:
        """No webhook is set afterwards, and no waiting message is lost."""
        self._call("deleteWebhook", drop_pending_updates=False)

    def messages(self, offset: int | None, *, wait: bool) -> list[tuple[int, Message | None]]:
        """Updates from `offset` on, oldest first, each with its message if it is one that can be read."""
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
            (u["update_id"], _message(u))
            for u in updates
            if isinstance(u, dict) and type(u.get("update_id")) is int
        ]

    def acknowledge(self, offset: int) -> None:
        """Telegram forgets what came before `offset`."""
        self._call("getUpdates", timeout=0, limit=1, offset=offset, patience=LAST_SECONDS)

    def send(self, chat: int, text: str, *, patient: bool = True) -> int:
        """The id of the message that was sent."""
        call = self._patiently if patient else self._call
        sent = call("sendMessage", chat_id=chat, text=text)
        if not isinstance(sent, dict) or type(sent.get("message_id")) is not int:
            raise wire.WireError("no message was sent")
        return int(sent["message_id"])

    def edit(self, chat: int, message: int, text: str, *, patient: bool) -> None:
        """The message says `text`; that it said so already is fine."""
        call = self._patiently if patient else self._call
        try:
            call("editMessageText", chat_id=chat, message_id=message, text=text)
        except ApiError as error:
            if error.code != BAD_REQUEST or "not modified" not in error.words:
                raise

    def typing(self, chat: int) -> None:
        """The chat shows that the bot is writing, for about five seconds."""
        self._call("sendChatAction", chat_id=chat, action="typing")

    def _patiently(self, method: str, **fields: Any) -> Any:
        """The call, made again after the pause that Telegram asks for, or after trouble on the way.

        A message that arrives twice is better than none.
        """
        for wait in RETRY_SECONDS:
            try:
                return self._call(method, **fields)
            except ApiError as error:
                if error.pause > LONGEST_PAUSE or not (error.pause or error.code >= 500):
                    raise
                pause = error.pause or wait
            except wire.WireError:
                pause = wait
            time.sleep(pause)
        return self._call(method, **fields)

    def _call(self, method: str, *, patience: float = CALL_SECONDS, **fields: Any) -> Any:
        with wire.answer(f"{self._root}/{method}", payload=fields, timeout=patience) as response:
            value = wire.body(response)
        if value.get("ok") is not True:
            raise _refusal(value, response.status)
        return value.get("result")


def _refusal(value: dict[str, Any], status: int) -> ApiError:
    code, parameters = value.get("error_code"), value.get("parameters")
    pause = parameters.get("retry_after") if isinstance(parameters, dict) else 0
    return ApiError(
        code if type(code) is int else status,
        float(pause) if isinstance(pause, int | float) and pause > 0 else 0.0,
        str(value.get("description", "")),
    )


def _message(update: dict[str, Any]) -> Message | None:
    try:
        message = update["message"]
        text = message.get("text")
        return Message(
            chat=_number(message["chat"]["id"]),
            user=_number(message["from"]["id"]),
            text=whole(text) if isinstance(text, str) and text.strip() else None,
            private=message["chat"].get("type") == "private",
            language=str(message["from"].get("language_code", "")),
            sent=_number(message["date"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _number(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("no number")
    return value
