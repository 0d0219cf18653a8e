"""One question, one answer, one connection: HTTP/1.0 over our own socket.

Not a client library's: here nothing follows a redirect, keeps a cookie, reads the environment or reads on,
and the certificate is known before anything is said. HTTP/1.0 because its answers are never chunked and end
with the connection.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSAttribute, TLSStream

from listener.probe import verdict
from listener.probe.address import Address

USER_AGENT = "cloudfreedom-listener"
LONGEST_ANSWER = 4096
"""Bytes of head and body together."""
TRAEFIK_DEFAULT = b"TRAEFIK DEFAULT CERT"
"""Common name of the certificate that Traefik makes for itself (3.6, pkg/tls/generate/generate.go)."""


@dataclass(frozen=True, slots=True)
class Question:
    """GET `path` at `address`, in the name of `host`."""

    address: Address
    host: str
    path: str
    is_tls: bool

    def text(self) -> bytes:
        """The request as sent."""
        lines = (
            f"GET {self.path} HTTP/1.0",
            f"Host: {self.host}",
            f"User-Agent: {USER_AGENT}",
            "Accept: */*",
            "Connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode("ascii")


async def ask(question: Question, *, trust: ssl.SSLContext, requested_at: float) -> verdict.Verdict:
    """The verdict on what was answered. Raises `OSError` when there is no answer.

    A certificate that is not good for the host ends it, unless it is Traefik's default one: then the stack is
    asked behind it, and the verdict says so. Nothing in the question is worth hiding.
    """
    is_certified = True
    try:
        data = await _exchange(question, trust if question.is_tls else None)
    except ssl.SSLCertVerificationError as error:
        is_certified = False
        data = await _exchange(question, _unverified(), refused=error)
    return verdict.judge(data, is_certified=is_certified, requested_at=requested_at)


async def _exchange(
    question: Question, context: ssl.SSLContext | None, *, refused: ssl.SSLError | None = None
) -> bytes:
    """The answer's beginning. With `refused` it is raised again for any certificate but Traefik's."""
    host, port = question.address.host, question.address.port or (443 if context else 80)
    async with await anyio.connect_tcp(host, port) as tcp:
        try:
            stream = await _wrapped(tcp, question.host, context) if context else tcp
            if refused and not _is_traefiks(stream):
                raise refused
            await stream.send(question.text())
            return await _read(stream)
        except (anyio.BrokenResourceError, anyio.EndOfStream) as error:
            raise ConnectionResetError("closed by the other side") from error


async def _wrapped(tcp: ByteStream, host: str, context: ssl.SSLContext) -> ByteStream:
    return await TLSStream.wrap(tcp, hostname=host, ssl_context=context, standard_compatible=False)


def _is_traefiks(stream: ByteStream) -> bool:
    return TRAEFIK_DEFAULT in (stream.extra(TLSAttribute.peer_certificate_binary) or b"")  # noqa: S610 - no SQL


async def _read(stream: ByteStream) -> bytes:
    data = b""
    while len(data) < LONGEST_ANSWER and not verdict.is_enough(data):
        try:
            data += await stream.receive(LONGEST_ANSWER - len(data))
        except anyio.EndOfStream:
            break
    return data


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
