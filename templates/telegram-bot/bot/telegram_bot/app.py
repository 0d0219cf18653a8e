"""Wires the bot, starts it, watches it and ends it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping

from . import settings as reader
from .bot_api import BotApi
from .conversation import Conversation
from .heartbeat import Heartbeat
from .log import Log
from .poll import Poll
from .router import Router

DRAIN_SECONDS = 10.0
WATCH_SECONDS = 1.0
BAD_SETTINGS = 78


def run(environ: Mapping[str, str]) -> int:
    """The exit code: 0 after SIGTERM, 1 when the loop was stuck, 78 when the settings cannot be used."""
    try:
        settings = reader.read(environ)
    except ValueError as error:
        Log().write("settings.invalid", "error", error=str(error))
        return BAD_SETTINGS
    log = Log(settings.secrets)
    heartbeat = Heartbeat(settings.heartbeat, time.monotonic)
    api = BotApi(settings.api_base, settings.token)
    router = Router(
        settings.router_url, settings.router_key, model=settings.model, max_tokens=settings.max_tokens
    )
    conversation = Conversation(settings=settings, api=api, router=router, log=log)
    poll = Poll(api=api, conversation=conversation, heartbeat=heartbeat, log=log)
    if not settings.allowed and not settings.allow_all:
        log.write("users.none", "warning", fix="add ids to ALLOWED_USER_IDS")
    return _watch(poll, heartbeat, log)


def _watch(poll: Poll, heartbeat: Heartbeat, log: Log) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=poll.forever, name="poll", daemon=True).start()
    while not stop.wait(WATCH_SECONDS):
        if heartbeat.is_stuck():
            heartbeat.beat("stuck")
            log.write("poll.stuck", "error")
            return 1
    finished = poll.stop(DRAIN_SECONDS)
    log.write("bot.stopped", finished=finished)
    return 0
