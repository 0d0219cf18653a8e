"""The platform's Router: an OpenAI-compatible API that streams if it can."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import wire
from .units import whole

READ_SECONDS = 120.0
"""Longest silence of the Router within one answer."""
ANSWER_SECONDS = 300.0
LONGEST_ANSWER = 40_000
"""Characters."""
REASONS = frozenset({"stop", "length", "content_filter", "tool_calls", "function_call"})


class RouterError(Exception):
    """The Router gave no (whole) answer: its HTTP status or 0, and why, in words of our own."""

    def __init__(self, status: int, why: str = "refused") -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """The text so far, and why it ended: one of `REASONS` or `other`; empty while it grows."""

    text: str = ""
    end: str = ""


class Router:
    """Asks one model with one key."""

    def __init__(self, url: str, key: str, *, model: str, max_tokens: int) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._model = model
        self._first_model = ""
        self._max_tokens = max_tokens

    def ask(self, messages: list[dict[str, str]]) -> Iterator[Answer]:
        """The answer as it grows; the last item is all of it. Without any text it is a `RouterError` too."""
        raw, end = "", ""
        try:
            for piece, reason in self._pieces(messages):
                raw, end = (raw + piece)[:LONGEST_ANSWER], reason or end
                if len(raw) == LONGEST_ANSWER:
                    end = "length"
                    break
                yield Answer(whole(raw))
        except wire.WireError as error:
            raise RouterError(0, str(error)) from error
        if not raw.strip():
            raise RouterError(0, f"no text ({end or 'no reason'})")
        yield Answer(whole(raw), end or "stop")

    def _pieces(self, messages: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
        payload = {
            "model": self._model or self._offered(),
            "messages": messages,
            "max_tokens": self._max_tokens,
            "stream": True,
        }
        with wire.answer(
            f"{self._url}/chat/completions", payload=payload, headers=self._headers, timeout=READ_SECONDS
        ) as response:
            if response.status == 404:
                self._first_model = ""
            if response.status != 200:
                raise RouterError(response.status)
            yield from _pieces(response)

    def _offered(self) -> str:
        """The first model the Router offers; kept until the Router does not know it any more."""
        if not self._first_model:
            with wire.answer(f"{self._url}/models", headers=self._headers, timeout=READ_SECONDS) as response:
                if response.status != 200:
                    raise RouterError(response.status)
                data = wire.body(response).get("data")
            models = data if isinstance(data, list) else []
            names = [m["id"] for m in models if isinstance(m, dict) and isinstance(m.get("id"), str)]
            if not names:
                raise RouterError(0, "no model")
            self._first_model = names[0]
        return self._first_model


def _pieces(response: http.client.HTTPResponse) -> Iterator[tuple[str, str]]:
    """Parts of the text, each with the reason of the end: one of a JSON answer, many of a stream."""
    if "text/event-stream" not in response.getheader("Content-Type", ""):
        yield _choice(wire.body(response, ANSWER_SECONDS), "message")
        return
    ended = ""
    for line in wire.lines(response, ANSWER_SECONDS):
        data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
        if data == b"[DONE]":
            return
        if data:
            piece, reason = _choice(wire.parsed(data), "delta")
            ended = ended or reason
            yield piece, reason
    if not ended:
        raise wire.WireError("the stream broke off")


def _choice(value: Any, part: str) -> tuple[str, str]:
    """Text and reason of the first choice, as far as there are any."""
    if isinstance(value, dict) and value.get("error"):
        raise wire.WireError("an error instead of an answer")
    try:
        choice = value["choices"][0]
        content, reason = choice[part].get("content"), choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        return "", ""
    known = reason if isinstance(reason, str) and reason in REASONS else "other"
    return content if isinstance(content, str) else "", known if reason else ""
