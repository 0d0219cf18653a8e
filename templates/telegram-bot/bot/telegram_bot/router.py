"""The platform's Router: an OpenAI-compatible API that streams if it can."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

from . import wire

READ_SECONDS = 120.0
"""Longest silence of the Router within one answer."""
ANSWER_SECONDS = 300.0
LONGEST_ANSWER = 40_000
"""Characters."""


class RouterError(Exception):
    """The Router gave no answer: its HTTP status, or 0 when there was none."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Router answered {status}" if status else "no answer from the Router")
        self.status = status


class Router:
    """Asks one model with one key."""

    def __init__(self, url: str, key: str, *, model: str, max_tokens: int) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._model = model
        self._max_tokens = max_tokens

    def ask(self, messages: list[dict[str, str]]) -> Iterator[str]:
        """The answer as it grows: each item is the whole text so far, the last one the answer.

        Raises `RouterError`; an answer without text is one too.
        """
        payload = {
            "model": self._model or self._first_model(),
            "messages": messages,
            "max_tokens": self._max_tokens,
            "stream": True,
        }
        text = ""
        try:
            with wire.answer(
                f"{self._url}/chat/completions", payload=payload, headers=self._headers, timeout=READ_SECONDS
            ) as response:
                if response.status != 200:
                    raise RouterError(response.status)
                for piece in _pieces(response):
                    text = (text + piece)[:LONGEST_ANSWER]
                    yield text
        except wire.WireError as error:
            raise RouterError(0) from error
        if not text.strip():
            raise RouterError(0)

    def _first_model(self) -> str:
        """The first model the Router offers; kept, once known."""
        try:
            with wire.answer(f"{self._url}/models", headers=self._headers, timeout=READ_SECONDS) as response:
                if response.status != 200:
                    raise RouterError(response.status)
                models = wire.body(response).get("data")
        except wire.WireError as error:
            raise RouterError(0) from error
        names = [m["id"] for m in models or () if isinstance(m, dict) and isinstance(m.get("id"), str)]
        if not names:
            raise RouterError(0)
        self._model = str(names[0])
        return self._model


def _pieces(response: http.client.HTTPResponse) -> Iterator[str]:
    """The parts of the text: one when the Router answers JSON, many when it streams events."""
    if "text/event-stream" not in response.getheader("Content-Type", ""):
        yield _content(wire.body(response), "message")
        return
    end = time.monotonic() + ANSWER_SECONDS
    while line := response.readline(wire.MAX_BODY):
        if time.monotonic() > end:
            raise wire.WireError("the stream does not end")
        data = line.strip().removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
        if data == b"[DONE]":
            return
        if data:
            try:
                event = json.loads(data)
            except ValueError as error:
                raise wire.WireError("an event is no JSON") from error
            if isinstance(event, dict) and "error" in event:
                raise wire.WireError("the stream ended in an error")
            yield _content(event, "delta")


def _content(value: Any, part: str) -> str:
    try:
        content = value["choices"][0][part].get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        return ""
    return content if isinstance(content, str) else ""
