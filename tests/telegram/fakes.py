"""A Bot API and a Router on loopback: they keep what they were asked and fail on demand."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "1234567890:FAKE-fake-FAKE-fake-FAKE-fake-FAKE0"
KEY = "fake-router-key"
OWNER = 4711

Failure = tuple[int, Any] | Callable[[BaseHTTPRequestHandler], None]
"""Status and body, or what to do with the connection."""


class Server:
    """One HTTP server in threads of its own; `answer(handler, body)` writes the response."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                outer.answer(self, json.loads(self.rfile.read(length) or b"{}"))

            do_GET = do_POST  # noqa: N815 - the name is http.server's

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Write the response."""
        raise NotImplementedError

    def close(self) -> None:
        """The port is free again."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def reply(handler: BaseHTTPRequestHandler, status: int, value: Any) -> None:
    """A JSON answer; a text is sent as it is."""
    raw = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


def refusal(code: int, words: str = "refused", **parameters: int) -> tuple[int, dict[str, object]]:
    """What the Bot API answers when it refuses."""
    return code, {"ok": False, "error_code": code, "description": words, "parameters": parameters}


def _number(update: Any) -> float:
    """What Telegram compares with the offset; a broken update stays."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if type(number) is int else float("inf")


class FakeTelegram(Server):
    """The Bot API's behaviour that the bot relies on: long polls, offsets, repetition, refusals."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.failures: defaultdict[str, list[Failure]] = defaultdict(list)
        self.updates: list[Any] = []
        self.messages: dict[int, tuple[int, str]] = {}
        self.valid = True
        self.webhook = False
        self._ids = iter(range(1, 1_000_000))
        self._said = iter(range(1_000_000, 2_000_000))
        self._changed = threading.Condition()
        super().__init__()

    def say(self, text: str | None, *, user: int = OWNER, age: float = 0, kind: str = "private") -> int:
        """A person writes to the bot; the update's id."""
        message: dict[str, Any] = {
            "message_id": next(self._said),
            "date": int(time.time() - age),
            "chat": {"id": user, "type": kind},
            "from": {"id": user, "language_code": "en"},
            **({"photo": [], "caption": "a picture"} if text is None else {"text": text}),
        }
        return self.post(message=message)

    def post(self, **content: Any) -> int:
        """Something happens that Telegram tells the bot; the update's id."""
        with self._changed:
            update = next(self._ids)
            self.updates.append({"update_id": update, **content})
            self._changed.notify_all()
        return update

    def delete(self) -> None:
        """Everyone deletes all messages of the bot."""
        with self._changed:
            self.messages.clear()

    def of(self, method: str) -> list[dict[str, Any]]:
        """The bodies of all calls of one method."""
        with self._changed:
            return [body for name, body in self.calls if name == method]

    def shown(self, user: int = OWNER) -> list[str]:
        """What the person's chat shows, oldest first, edits applied."""
        with self._changed:
            return [text for chat, text in self.messages.values() if chat == user]

    def wait_for(self, done: Callable[[], bool], seconds: float = 15) -> None:
        """Return when `done()`; fail after `seconds`."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"nothing happened: {self.calls[-5:]}"
            with self._changed:
                self._changed.wait(0.05)

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """One call of a method, or the failure that waits for it."""
        bot, _, method = handler.path.removeprefix("/bot").partition("/")
        with self._changed:
            self.calls.append((method, body))
            self.times[method].append(time.monotonic())
            failure = self.failures[method].pop(0) if self.failures[method] else None
            self._changed.notify_all()
        if callable(failure):
            failure(handler)
        elif failure is not None:
            reply(handler, *failure)
        elif bot != TOKEN or not self.valid:
            reply(handler, *refusal(401))
        elif method == "getUpdates" and self.webhook:
            reply(handler, *refusal(409))
        elif words := self._refused(method, body):
            reply(handler, *refusal(400, words))
        else:
            reply(handler, 200, {"ok": True, "result": self._result(method, body)})

    def _refused(self, method: str, body: dict[str, Any]) -> str:
        """Telegram's rules for texts: some, not too long (in UTF-16 units), and an edit changes something."""
        if method not in {"sendMessage", "editMessageText"}:
            return ""
        if not body["text"].strip():
            return "Bad Request: message text is empty"
        if len(body["text"].encode("utf-16-le")) // 2 > 4096:
            return "Bad Request: message is too long"
        if method == "sendMessage":
            return ""
        with self._changed:
            if body["message_id"] not in self.messages:
                return "Bad Request: message to edit not found"
            same = self.messages[body["message_id"]][1].strip() == body["text"].strip()
        return "Bad Request: message is not modified" if same else ""

    def _result(self, method: str, body: dict[str, Any]) -> Any:
        with self._changed:
            match method:
                case "getMe":
                    return {"id": 1, "username": "fake_bot"}
                case "deleteWebhook":
                    self.webhook = False
                case "getUpdates":
                    offset = body.get("offset", 0)
                    self.updates = [u for u in self.updates if _number(u) >= offset]
                    self._changed.wait_for(lambda: self.updates, timeout=min(body["timeout"], 5))
                    return self.updates[:100]
                case "sendMessage":
                    number = next(self._ids)
                    self.messages[number] = (body["chat_id"], body["text"])
                    self._changed.notify_all()
                    return {"message_id": number}
                case "editMessageText":
                    self.messages[body["message_id"]] = (body["chat_id"], body["text"])
                    self._changed.notify_all()
                    return {"message_id": body["message_id"]}
        return True


class FakeRouter(Server):
    """An OpenAI-compatible API: streams `pieces` with pauses, then `end`; or says `raw`, `json`, `status`."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.pieces: list[str] = ["Hello there"]
        self.pause = 0.0
        self.end = 'data: {"choices": [], "usage": {"total_tokens": 3}}\n\ndata: [DONE]\n\n'
        self.raw = ""
        self.models = ["fake-model", "other"]
        self.json: Any = None
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        self.closed_gate_for = ""
        super().__init__()

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """One request of the Router."""
        self.keys.append(handler.headers.get("Authorization", ""))
        if handler.path == "/v1/models":
            reply(handler, 200, {"data": [{"id": name} for name in self.models]})
            return
        self.requests.append(body)
        if self.closed_gate_for in body["messages"][-1]["content"]:
            self.gate.wait(20)
        if self.status != 200:
            reply(handler, self.status, {"error": {"message": f"secret detail {KEY}"}})
        elif self.json is not None:
            reply(handler, 200, self.json)
        else:
            self._stream(handler)

    def _stream(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.end_headers()
        for line in [self.raw] if self.raw else self._lines():
            handler.wfile.write(line.encode())
            handler.wfile.flush()

    def _lines(self) -> Iterator[str]:
        yield ": a comment\n\n"
        yield 'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'
        for piece in self.pieces:
            yield "data: " + json.dumps({"choices": [{"delta": {"content": piece}}]}) + "\n\n"
            time.sleep(self.pause)
        yield self.end
