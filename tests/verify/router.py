"""The platform's Router: it takes down every key and answers `ANSWER`, streamed when that is asked for."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.telegram.fakes import Server, reply

MODEL = "fake-model"
ANSWER = ("All", " is", " well.")
USAGE = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


class Router(Server):
    """An OpenAI-compatible API."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        super().__init__()

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """The list of models, or one completion."""
        self.keys.add(handler.headers.get("Authorization", ""))
        if handler.path == "/v1/models":
            reply(handler, 200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        elif handler.path != "/v1/chat/completions":
            reply(handler, 404, {"error": {"message": "not here"}})
        else:
            self.asked.append(body)
            self._complete(handler, body)

    def _complete(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        if body.get("stream"):
            self._stream(handler)
        else:
            message = {"role": "assistant", "content": "".join(ANSWER)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            reply(handler, 200, _frame("chat.completion", [choice]) | {"usage": USAGE})

    def _stream(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        deltas: list[dict[str, Any]] = [{"role": "assistant"}, *({"content": one} for one in ANSWER), {}]
        for delta in deltas:
            choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
            self._send(handler, _frame("chat.completion.chunk", [choice]))
        self._send(handler, _frame("chat.completion.chunk", []) | {"usage": USAGE})
        handler.wfile.write(b"data: [DONE]\n\n")

    def _send(self, handler: BaseHTTPRequestHandler, value: dict[str, Any]) -> None:
        handler.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
        handler.wfile.flush()


def _frame(kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL,
        "choices": choices,
    }
