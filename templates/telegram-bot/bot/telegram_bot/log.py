"""JSON lines on standard output that never hold a token, a key or what people wrote."""

from __future__ import annotations

import json
import re
import sys
import threading
import time

TOKEN = re.compile(r"(?<![0-9])[0-9]{5,16}:[A-Za-z0-9_-]{20,}")
BEARER = re.compile(r"(?i)\bbearer\s+[^\s\"\\]+")


class Log:
    """Writes events; every text passes the redaction, whatever put it there."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets = {json.dumps(secret)[1:-1] for secret in secrets} | set(secrets)
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def write(self, event: str, level: str = "info", **fields: object) -> None:
        """One line: time, level, event (`noun.verb`) and the fields."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"ts": stamp, "level": level, "event": event, **fields}, default=str)
        with self._lock:
            sys.stdout.write(self.redacted(line) + "\n")
            sys.stdout.flush()

    def rarely(self, event: str, level: str = "warning", *, every: float = 60.0, **fields: object) -> None:
        """The same, at most once in `every` seconds for each event."""
        now = time.monotonic()
        if now - self._last.get(event, -every) >= every:
            self._last[event] = now
            self.write(event, level, **fields)

    def redacted(self, text: str) -> str:
        """The text without anything that looks like, or is, a secret."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return BEARER.sub("Bearer ***", TOKEN.sub("***", text))
