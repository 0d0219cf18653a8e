"""The loop that asks Telegram for messages and never gives up."""

from __future__ import annotations

import random
import threading
import time

from . import wire
from .bot_api import CONFLICT, UNAUTHORIZED, ApiError, BotApi, Message
from .conversation import Conversation
from .heartbeat import Heartbeat
from .inbox import Inbox
from .lanes import Lanes
from .log import Log

BUSY_SECONDS = 1.0
"""Pause between looks while answers are under way: until then Telegram repeats their messages."""
SHORT_SECONDS = 0.1
"""Pause after a look that took no time: not even updates that nobody can read make the loop spin."""
FIRST_PAUSE = 1.0
FIRST_CONFLICT_PAUSE = 5.0
LONGEST_PAUSE = 60.0
LONGEST_OBEYED = 3600.0
"""A `retry_after` beyond this is taken for a mistake."""


class Poll:
    """Takes messages, hands them to the conversation, and acknowledges them when they are answered."""

    def __init__(self, *, api: BotApi, conversation: Conversation, heartbeat: Heartbeat, log: Log) -> None:
        self._api = api
        self._conversation = conversation
        self._heartbeat = heartbeat
        self._log = log
        self._inbox = Inbox()
        self._lanes = Lanes()
        self._stop = threading.Event()
        self._failures = 0
        self._ready = False

    def forever(self) -> None:
        """Return after `stop` only. An error changes the state and the pause, never the loop."""
        while not self._stop.is_set():
            try:
                self._look()
                self._failures = 0
                self._heartbeat.beat("polling")
            except ApiError as error:
                self._pause(*_meaning(error), pause=error.pause)
            except wire.WireError:
                self._pause("degraded", "unreachable")
            except Exception as error:  # noqa: BLE001 - the loop outlives a bug, and the log tells it
                self._log.write("poll.failed", "error", error=type(error).__name__)
                self._pause("degraded", "bug")

    def stop(self, seconds: float) -> bool:
        """No message is begun any more; True if those under way were answered within `seconds`."""
        self._stop.set()
        finished = self._lanes.wait(seconds)
        if (offset := self._inbox.offset()) is not None:
            try:
                self._api.acknowledge(offset)
            except (ApiError, wire.WireError):
                self._log.write("poll.unacknowledged", "warning")
        return finished

    def _look(self) -> None:
        if not self._ready:
            name = self._api.check()
            self._api.begin_polling()
            self._ready = True
            self._heartbeat.beat("polling")
            self._log.rarely("poll.started", "info", bot=name)
        began = time.monotonic()
        updates = self._api.messages(self._inbox.offset(), wait=self._lanes.is_idle())
        for update, message in updates:
            if not self._stop.is_set() and self._inbox.take(update):
                self._hand_over(update, message)
        if not self._lanes.is_idle():
            self._lanes.wait(BUSY_SECONDS)
        elif time.monotonic() - began < BUSY_SECONDS:
            self._stop.wait(SHORT_SECONDS)

    def _hand_over(self, update: int, message: Message | None) -> None:
        if message is None:
            self._inbox.finish(update)
            return

        def job() -> None:
            if self._stop.is_set():
                return  # it stays unacknowledged, and comes again after the start
            try:
                self._conversation.answer(message)
            finally:
                self._inbox.finish(update)
                self._heartbeat.beat()

        self._lanes.submit(message.chat, job)

    def _pause(self, state: str, error: str, *, pause: float = 0.0) -> None:
        self._ready = self._ready and error != "conflict"  # a webhook that was set meanwhile goes away
        self._log.rarely(f"poll.{error}", state=state)
        first = FIRST_CONFLICT_PAUSE if error == "conflict" else FIRST_PAUSE
        longest = LONGEST_PAUSE if state == "auth_failed" else min(LONGEST_PAUSE, first * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        jittered = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
        end = time.monotonic() + max(jittered, min(pause, LONGEST_OBEYED))
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            self._heartbeat.beat(state, error)
            self._stop.wait(min(left, LONGEST_PAUSE))


def _meaning(error: ApiError) -> tuple[str, str]:
    """State and code: a second poller and Telegram's troubles pass, a wrong token does not."""
    if error.code in UNAUTHORIZED:
        return "auth_failed", "token_invalid"
    if error.code == CONFLICT:
        return "degraded", "conflict"
    return "degraded", "throttled" if error.pause else "refused"
