"""A stand-in in a process of its own, as a real instance would be."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

TOKEN = "1|fake-served"


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[str, str, str]]:
    """Address, token and server of a stand-in that is served on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, server = f"http://127.0.0.1:{port}", "s" * 24
    command = [sys.executable, "-m", "listener.sandbox.standin", "--port", str(port), "--token", TOKEN]
    turned = ["--server", server, "--knob", "rate_limit=100000", "--knob", "job_delay=0.01"]
    with subprocess.Popen([*command, *turned], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "STAND-IN, not Coolify" in process.stdout.readline()
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as http:
                http.get(f"{url}/api/health").raise_for_status()
            yield url, TOKEN, server
        finally:
            process.terminate()
