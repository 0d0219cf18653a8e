"""A webhook on a port of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Receiver:
    """A webhook that answers `status`; it keeps what it accepted."""

    url: str
    status: int = 204
    got: list[Any] = field(default_factory=list)
    asked: int = 0

    def told(self) -> list[tuple[str, str]]:
        """Kind and state of every alert that was accepted, in order."""
        return [(one["kind"], one["state"]) for document in self.got for one in document["alerts"]]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listens until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if one.status < 300:
                one.got.append(document)
            self.do_GET()

        def do_GET(self) -> None:
            one.asked += 1
            self.send_response(one.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one = Receiver(f"http://127.0.0.1:{server.server_port}/secret-path")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Listens while the test runs."""
    with receiving() as one:
        yield one
