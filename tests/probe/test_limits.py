"""Neither a slow, a talkative nor a rude server costs more than it may, and nothing is left behind."""

from __future__ import annotations

import socket
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream

from listener.probe.address import Address
from listener.probe.exchange import LONGEST_ANSWER
from listener.probe.pace import Pace
from listener.probe.probe import SECONDS, Probe
from listener.probe.verdict import Word

from .conftest import now
from .traefik import App, Traefik, sends

pytestmark = pytest.mark.looptime

HOST = "bot.acme.example"


def _descriptors() -> set[str]:
    """Those of this process, sockets included."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


async def _hangs(stream: ByteStream) -> None:
    await stream.receive()


async def _drips(stream: ByteStream) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n\r\n":
        await stream.send(bytes([byte]))
        await anyio.sleep(1)


@pytest.mark.parametrize("app", [_hangs, _drips], ids=["hangs", "drips"])
async def test_a_slow_answer_is_unknown_after_five_seconds_in_all(
    probe: Probe, traefik: Traefik, app: App
) -> None:
    traefik.host(HOST, app)
    began = now()
    seen = await probe.look(traefik.address, HOST, "/")
    assert (seen.word, seen.reason) == (Word.UNKNOWN, "no answer in time")
    assert now() - began == pytest.approx(SECONDS, abs=0.01) == 5.0
    assert seen.requested_at == pytest.approx(began, abs=0.01), "when it was asked, not when it was given up"


async def test_a_server_that_takes_no_part_in_the_handshake_is_unknown(probe: Probe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        seen = await probe.look(Address(*mute.getsockname()), HOST, "/")
    assert (seen.word, seen.reason) == (Word.UNKNOWN, "no answer in time")


@pytest.mark.parametrize("status", [b"200", b"404"], ids=["good", "read to the limit"])
async def test_of_a_huge_answer_no_more_than_the_beginning_is_read(
    probe: Probe, plain: Traefik, status: bytes
) -> None:
    sent = 0

    async def floods(stream: ByteStream) -> None:
        nonlocal sent
        await stream.send(b"HTTP/1.1 " + status + b" x\r\n\r\n")
        while True:
            await stream.send(b"x" * LONGEST_ANSWER)
            sent += LONGEST_ANSWER

    plain.apps[HOST] = floods
    began = now()
    seen = await probe.look(plain.address, HOST, "/", is_tls=False)
    assert seen.word is (Word.GOOD if status == b"200" else Word.OTHER)
    assert now() - began < SECONDS
    while plain.closed == 0:
        await anyio.sleep(0.01)
    assert sent < 16 * 1024 * 1024, "the flood met a closed door, not a reader"


async def test_a_status_after_an_endless_head_of_garbage_is_not_waited_for(
    probe: Probe, plain: Traefik
) -> None:
    plain.apps[HOST] = sends(b"x" * 9 * LONGEST_ANSWER + b"\r\nHTTP/1.1 200 OK\r\n\r\n")
    assert (await probe.look(plain.address, HOST, "/", is_tls=False)).word is Word.UNKNOWN


@pytest.mark.parametrize("is_tls", [True, False], ids=["tls", "plain"])
async def test_a_connection_closed_without_an_answer_is_unknown(
    probe: Probe, traefik: Traefik, plain: Traefik, is_tls: bool
) -> None:
    traefik.host(HOST, sends(b""))
    plain.apps[HOST] = sends(b"")
    at = (traefik if is_tls else plain).address
    seen = await probe.look(at, HOST, "/", is_tls=is_tls)
    assert (seen.word, seen.reason) == (Word.UNKNOWN, "the connection was closed without an answer")


async def test_a_connection_that_is_reset_is_unknown(probe: Probe) -> None:
    async def resets(stream: ByteStream) -> None:
        raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await stream.aclose()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as tcp, anyio.create_task_group() as t:
        t.start_soon(tcp.serve, resets)
        port = tcp.listeners[0].extra(anyio.abc.SocketAttribute.local_port)
        for is_tls in (True, False):
            seen = await probe.look(Address("127.0.0.1", port), HOST, "/", is_tls=is_tls)
            assert (seen.word, seen.reason) == (Word.UNKNOWN, "the connection was closed without an answer")
        t.cancel_scope.cancel()


@pytest.mark.parametrize("moment", ["handshake", "answer"])
async def test_a_cancelled_probe_leaves_no_socket(probe: Probe, traefik: Traefik, moment: str) -> None:
    traefik.host(HOST, _hangs)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        at = traefik.address if moment == "answer" else Address(*mute.getsockname())
        before = _descriptors()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(probe.look, at, HOST, "/")
            await anyio.sleep(1)
            assert len(traefik.asked) == (moment == "answer")
            assert _descriptors() != before
            tasks.cancel_scope.cancel()
        while traefik.closed < traefik.opened:
            await anyio.sleep(0.01)
        assert _descriptors() == before


async def test_all_stacks_together_are_asked_five_times_a_second(probe: Probe) -> None:
    seen: list[float] = []

    async def look(number: int) -> None:
        verdict = await probe.look(Address("127.0.0.1", 1), f"bot-{number}.acme.example", "/")
        assert verdict.word is Word.ABSENT
        seen.append(verdict.requested_at)

    began = now()
    async with anyio.create_task_group() as tasks:
        for number in range(26):
            tasks.start_soon(look, number)
    assert [at - began for at in seen] == pytest.approx([number / 5 for number in range(26)], abs=0.01)


async def test_who_gives_up_waiting_costs_the_others_no_turn() -> None:
    pace, turns = Pace(clock=now), []

    async def waits() -> None:
        await pace.turn()
        turns.append(now() - began)

    began = now()
    await pace.turn()
    for _ in range(50):
        with anyio.move_on_after(0.001):
            await pace.turn()
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(waits)
    assert turns == pytest.approx([0.2, 0.4])
