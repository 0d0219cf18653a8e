"""What the bot answers to whom."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable

from . import wire
from .bot_api import ApiError, BotApi, Message
from .draft import Draft
from .log import Log
from .memory import Memory
from .quota import Quota
from .router import Answer, Router, RouterError
from .settings import Settings
from .texts import say

LONGEST_QUESTION = 8000
OLDEST_SECONDS = 3600.0
"""Messages that waited longer (the stack was suspended, say) are dropped."""
TOLD_AT_MOST = 1000
PINGS_PER_HOUR = 20
"""Of a stranger; more are left alone."""


class Conversation:
    """Answers messages, one call of `answer` each; several chats at once."""

    def __init__(self, *, settings: Settings, api: BotApi, router: Router, log: Log) -> None:
        self._settings = settings
        self._api = api
        self._router = router
        self._log = log
        self._memory = Memory(time.monotonic)
        self._quota = Quota(settings.per_hour, time.monotonic)
        self._pings = Quota(PINGS_PER_HOUR, time.monotonic)
        self._told: dict[int, None] = {}

    def answer(self, message: Message) -> None:
        """The message was answered, or left alone on purpose. Never raises: a failure is logged."""
        try:
            self._answer(message)
        except (ApiError, wire.WireError) as error:
            self._log.write("message.unanswered", "warning", error=str(error))
        except Exception as error:  # noqa: BLE001 - one poisoned message must not stop the bot
            self._log.write("message.failed", "error", error=type(error).__name__)
            with contextlib.suppress(ApiError, wire.WireError):
                self._say(message, "failed")

    def _answer(self, message: Message) -> None:
        if not message.private or time.time() - message.sent > OLDEST_SECONDS:
            self._log.write("message.ignored", reason="old" if message.private else "group")
            return
        command = _command(message.text)
        if command == "/ping":
            self._pong(message)
        elif not self._may_ask(message.user):
            self._deny(message)
        elif message.text is None:
            self._say(message, "text_only")
        elif command == "/reset":
            self._memory.forget(message.chat)
            self._say(message, "reset")
        elif command:
            self._say(message, "hello")
        else:
            self._ask(message, message.text)

    def _may_ask(self, user: int) -> bool:
        return self._settings.allow_all or user in self._settings.allowed

    def _pong(self, message: Message) -> None:
        if self._may_ask(message.user) or not self._pings.take(message.user):
            self._say(message, "pong")

    def _deny(self, message: Message) -> None:
        """Tell strangers their id, once each, so that the owner can add it."""
        if message.user in self._told:
            return
        self._told[message.user] = None
        while len(self._told) > TOLD_AT_MOST:
            self._told.pop(next(iter(self._told)), None)
        self._log.write("user.denied", user=message.user)
        self._say(message, "denied", user=message.user)

    def _ask(self, message: Message, question: str) -> None:
        if len(question) > LONGEST_QUESTION:
            self._say(message, "too_long", limit=LONGEST_QUESTION)
            return
        seconds = self._quota.take(message.user)
        if seconds:
            self._say(message, "wait", minutes=math.ceil(seconds / 60))
            return
        self._typing(message.chat)
        begun = time.monotonic()
        draft, answer = Draft(self._api, message.chat), Answer()
        try:
            for answer in self._router.ask(self._prompt(message.chat, question)):
                draft.show(answer.text)
        except RouterError as error:
            self._log.write("router.failed", "warning", status=error.status, error=str(error))
            draft.finish(_apology(error, answer.text, message.language))
            return
        draft.finish(_noted(answer, message.language))
        self._memory.keep(message.chat, question, answer.text)
        seconds = round(time.monotonic() - begun, 1)
        self._log.write("message.answered", seconds=seconds, characters=len(answer.text), end=answer.end)

    def _prompt(self, chat: int, question: str) -> list[dict[str, str]]:
        return [
            {"role": "system", "content": self._settings.prompt},
            *self._memory.recall(chat),
            {"role": "user", "content": question},
        ]

    def _say(self, message: Message, key: str, **fields: object) -> None:
        self._api.send(message.chat, say(message.language, key, **fields))

    def _typing(self, chat: int) -> None:
        try:
            self._api.typing(chat)
        except (ApiError, wire.WireError):
            self._log.rarely("typing.failed")


def _command(text: str | None) -> str:
    """`/word` in lower case without the bot's name, or nothing."""
    first: Iterable[str] = (text or "").split(maxsplit=1)[:1]
    return next((word.split("@")[0].lower() for word in first if word.startswith("/")), "")


def _noted(answer: Answer, language: str) -> str:
    """The answer, and what people must know of its end."""
    note = {"length": "length", "content_filter": "cut"}.get(answer.end)
    return f"{answer.text.rstrip()}\n\n{say(language, note)}" if note else answer.text


def _apology(error: RouterError, text: str, language: str) -> str:
    """What people read when the Router fails; its own words could hold addresses and keys."""
    if text.strip():
        return f"{text.rstrip()}\n\n{say(language, 'cut')}"
    kinds = {401: "key", 403: "key", 402: "busy", 429: "busy"}
    return say(language, kinds.get(error.status, "failed"))
