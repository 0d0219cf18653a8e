"""What stands at a door is told apart, and the question is a small and harmless one."""

from __future__ import annotations

import pytest

from listener.probe.address import Address
from listener.probe.probe import Probe
from listener.probe.verdict import Word

from .conftest import now
from .traefik import CATCH_ALL, NO_ROUTER, App, Traefik, says, sends

pytestmark = pytest.mark.looptime

HOST = "bot.acme.example"


@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
async def test_2xx_is_good(probe: Probe, traefik: Traefik, status: str) -> None:
    traefik.host(HOST, says(status))
    began = now()
    seen = await probe.look(traefik.address, HOST, "/healthz")
    assert (seen.word, seen.reason) == (Word.GOOD, f"HTTP {status[:3]}")
    assert seen.is_certified
    assert began <= seen.requested_at <= now()


async def test_the_domain_is_spoken_in_sni_and_host_and_nothing_else_is_said(
    probe: Probe, traefik: Traefik, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    traefik.host(HOST, says("200 OK", Set_Cookie="session=1; Path=/"))
    for _ in range(2):
        assert (await probe.look(traefik.address, HOST.upper(), "/healthz?deep=0")).word is Word.GOOD
    assert traefik.names == [HOST, HOST]
    assert traefik.asked[0] == traefik.asked[1], "no cookie came back"
    assert traefik.asked[0].split("\r\n") == [
        "GET /healthz?deep=0 HTTP/1.0",
        f"Host: {HOST}",
        "User-Agent: cloudfreedom-listener",
        "Accept: */*",
        "Connection: close",
        "",
        "",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        NO_ROUTER,
        CATCH_ALL,
        says("502 Bad Gateway", b"Bad Gateway"),
        says("504 Gateway Timeout", b"Gateway Timeout"),
    ],
    ids=["no router", "catch-all", "no container", "no answer"],
)
@pytest.mark.parametrize("is_certified", [True, False], ids=["certified", "not yet"])
async def test_what_traefik_says_itself_is_absence(
    probe: Probe, traefik: Traefik, answer: App, is_certified: bool
) -> None:
    traefik.otherwise = answer
    if is_certified:
        traefik.certificates[HOST] = traefik.authority.for_host(HOST)
    seen = await probe.look(traefik.address, HOST, "/")
    assert (seen.word, seen.is_certified) == (Word.ABSENT, is_certified)
    assert seen.reason.startswith("only Traefik answers: HTTP ")


@pytest.mark.parametrize(
    "answer",
    [
        says("302 Found", Location="https://127.0.0.1:1/"),
        says("401 Unauthorized"),
        says("404 Not Found", b'{"detail":"Not Found"}'),
        says("500 Internal Server Error", b"no available server"),
        says("503 Service Unavailable", b'{"status":"starting"}'),
        says("502 Bad Gateway", b"<html>nginx: Bad Gateway</html>"),
    ],
    ids=["redirect", "refusal", "other 404", "other text", "own 503", "own 502"],
)
async def test_what_the_stack_says_itself_is_other(probe: Probe, traefik: Traefik, answer: App) -> None:
    traefik.host(HOST, answer)
    seen = await probe.look(traefik.address, HOST, "/")
    assert (seen.word, seen.reason) == (Word.OTHER, f"HTTP {seen.status}")
    assert traefik.opened == 1, "a redirect is not followed"


async def test_a_refused_connection_is_absence(probe: Probe) -> None:
    for host in ("127.0.0.1", "localhost"):
        seen = await probe.look(Address(host, 1), HOST, "/")
        assert (seen.word, seen.status) == (Word.ABSENT, None)


async def test_behind_traefiks_default_certificate_good_is_good_and_says_so(
    probe: Probe, traefik: Traefik
) -> None:
    traefik.apps[HOST] = says("200 OK")
    seen = await probe.look(traefik.address, HOST, "/")
    assert (seen.word, seen.is_certified) == (Word.GOOD, False)
    assert seen.reason == "HTTP 200, but Traefik has no certificate for the domain yet"
    assert traefik.names == [HOST, HOST]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("other", "Hostname mismatch, certificate is not valid for 'bot.acme.example'."),
        ("expired", "certificate has expired"),
        ("stranger", "self-signed certificate"),
    ],
)
async def test_a_wrong_certificate_is_unknown_and_nothing_is_asked_behind_it(
    probe: Probe, traefik: Traefik, kind: str, why: str
) -> None:
    traefik.host(HOST, says("200 OK"))
    authority = traefik.authority
    traefik.certificates[HOST] = {
        "other": authority.for_host("bot.bolt.example"),
        "expired": authority.expired(HOST),
        "stranger": authority.strangers(HOST),
    }[kind]
    seen = await probe.look(traefik.address, HOST, "/")
    assert (seen.word, seen.reason) == (
        Word.UNKNOWN,
        f"the certificate is not good for the domain: {why}",
    )
    assert traefik.asked == []


async def test_plain_http_is_asked_only_where_it_is_wanted(probe: Probe, plain: Traefik) -> None:
    plain.apps[HOST] = says("200 OK")
    assert (await probe.look(plain.address, HOST, "/", is_tls=False)).word is Word.GOOD
    seen = await probe.look(plain.address, HOST, "/")
    assert seen.word is Word.UNKNOWN
    assert plain.asked == [plain.asked[0]]


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("10.0.0.1:80", "/"),
        ("localhost", "/"),
        ("a.example\r\nX: y", "/"),
        ("user@a.example", "/"),
        ("größe.example", "/"),
        ("*.a.example", "/"),
        (f"{'a' * 64}.example", "/"),
        ("", "/"),
        ("\ud800.example", "/"),
        (HOST, ""),
        (HOST, "http://10.0.0.1/"),
        (HOST, "/ HTTP/1.1\r\nHost: b.example"),
        (HOST, "/\n"),
        (HOST, "/grün"),
        (HOST, "/" * 257),
    ],
)
async def test_what_is_not_fit_to_be_sent_is_not_sent(
    probe: Probe, plain: Traefik, host: str, path: str
) -> None:
    seen = await probe.look(plain.address, host, path, is_tls=False)
    assert seen.word is Word.UNKNOWN
    assert seen.reason.startswith("not asked: ")
    assert plain.opened == 0


async def test_a_server_without_an_address_is_unknown(probe: Probe) -> None:
    seen = await probe.look(None, HOST, "/")
    assert (seen.word, seen.reason) == (
        Word.UNKNOWN,
        "not asked: Coolify shows no usable address of the server",
    )


@pytest.mark.parametrize(
    "data", [b"\x00\xff" * 9, b"SSH-2.0-OpenSSH_9.7\r\n", b"HTTP/1.1 20", b"HTTP/2 200\r\n"]
)
async def test_garbage_is_unknown(probe: Probe, traefik: Traefik, data: bytes) -> None:
    traefik.host(HOST, sends(data))
    seen = await probe.look(traefik.address, HOST, "/")
    assert (seen.word, seen.reason) == (Word.UNKNOWN, "what answered does not speak HTTP")
