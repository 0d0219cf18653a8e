"""What a domain's name servers say is told apart: proven, not proven, and nothing learned."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import anyio
import dns.rcode
import pytest
import pytest_asyncio

from listener import errors
from listener.dns import prover, servers
from listener.dns.prover import Prover
from listener.dns.resolver import Resolver
from listener.dns.verdict import Question, Verdict, Word
from tests.dns.nameserver import NameServer, serving

HOST = "bot.example.org"
TEXT = "_cloudfreedom.bot.example.org"
MINE = "cloudfreedom-verify=tenant1"
HERE = "203.0.113.7"
ELSEWHERE = "198.51.100.1"


@pytest_asyncio.fixture(loop_scope="function")
async def server() -> AsyncIterator[NameServer]:
    """A name server that holds nothing yet."""
    async with serving() as made:
        yield made


async def look(server: NameServer, *door: str) -> Verdict:
    """The verdict on `HOST`, for the tenant `tenant1`."""
    asked = Question(HOST, door or (HERE,), TEXT, MINE)
    return await Prover(Resolver([server.address])).look(asked)


@pytest.mark.parametrize(
    ("records", "door"),
    [
        ([(HOST, "A", HERE)], (HERE,)),
        ([(HOST, "A", ELSEWHERE), (HOST, "AAAA", "2001:db8::7")], ("2001:DB8:0::7",)),
        ([(HOST, "CNAME", "a.example.net"), ("a.example.net", "A", HERE)], (HERE,)),
        ([(HOST, "A", HERE), ("host.example.net", "A", HERE)], ("host.example.net",)),
        ([(TEXT, "TXT", "v=spf1 -all", MINE), (HOST, "A", ELSEWHERE)], (HERE,)),
        ([(TEXT, "CNAME", "t.example.net"), ("t.example.net", "TXT", MINE)], ()),
    ],
    ids=["address", "ipv6", "alias", "server-by-name", "text", "text-by-alias"],
)
@pytest.mark.parametrize("follows", [True, False], ids=["recursive", "one-by-one"])
async def test_a_domain_is_proven_by_where_it_leads_or_by_a_text(
    server: NameServer, records: list[tuple[str, ...]], door: tuple[str, ...], follows: bool
) -> None:
    server.follows = follows
    for name, kind, *values in records:
        server.hold(name, kind, *values)
    assert (await look(server, *door)).word is Word.PROVEN


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([], "it has no address"),
        ([(HOST, "MX", "10 mail.example.org.")], "it has no address"),
        ([(HOST, "A", ELSEWHERE)], f"it leads to {ELSEWHERE}"),
        ([(TEXT, "TXT", MINE + "0")], f"{TEXT} has the text of somebody else"),
        (
            [(HOST, "A", HERE), (TEXT, "TXT", "cloudfreedom-verify=x")],
            f"{TEXT} has the text of somebody else",
        ),
    ],
    ids=["no-such-name", "no-address", "elsewhere", "another-text", "here-but-for-another"],
)
async def test_an_answer_without_proof_says_what_is_there(
    server: NameServer, records: list[tuple[str, ...]], reason: str
) -> None:
    for name, kind, *values in records:
        server.hold(name, kind, *values)
    assert await look(server) == Verdict(Word.MISSING, reason)


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED], ids=["servfail", "refused"])
async def test_a_name_server_that_fails_teaches_nothing(server: NameServer, rcode: dns.rcode.Rcode) -> None:
    server.hold(HOST, "A", ELSEWHERE)
    server.rcode = rcode
    assert await look(server) == Verdict(Word.UNKNOWN, "no name server gave an answer")


async def test_a_silent_name_server_teaches_nothing_and_costs_few_seconds(server: NameServer) -> None:
    server.is_silent = True
    began = time.monotonic()
    assert await look(server) == Verdict(Word.UNKNOWN, "the name servers did not answer in time")
    assert 2.5 < time.monotonic() - began < 4.0


async def test_a_whole_proof_ends_however_slow_each_answer_is(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prover, "SECONDS", 1.0)
    server.follows, server.seconds = False, 0.4
    for number in range(7):
        server.hold(HOST if not number else f"{number}.example.org", "CNAME", f"{number + 1}.example.org")
    began = time.monotonic()
    assert (await look(server)).word is Word.UNKNOWN
    assert time.monotonic() - began < 1.5
    assert prover.SECONDS < 10


async def test_a_slow_name_server_is_waited_for(server: NameServer) -> None:
    server.hold(HOST, "A", HERE)
    server.seconds = 1.0
    assert (await look(server)).word is Word.PROVEN


async def test_an_answer_that_was_cut_is_asked_for_by_tcp(server: NameServer) -> None:
    server.hold(TEXT, "TXT", *(f"{number:0>200}" for number in range(20)), MINE)
    server.is_cut = True
    assert (await look(server)).word is Word.PROVEN
    assert (TEXT, "TXT", "tcp") in server.asked


async def test_aliases_without_end_teach_nothing(server: NameServer) -> None:
    server.follows = False
    server.hold(HOST, "CNAME", "b.example.org")
    server.hold("b.example.org", "CNAME", HOST)
    assert (await look(server)).word is Word.UNKNOWN


async def test_the_second_resolver_answers_when_the_first_fails(server: NameServer) -> None:
    async with serving() as broken:
        broken.rcode = dns.rcode.SERVFAIL
        server.hold(HOST, "A", HERE)
        made = Prover(Resolver([broken.address, server.address]))
        assert (await made.look(Question(HOST, (HERE,), TEXT, MINE))).word is Word.PROVEN


async def test_few_proofs_are_under_way_at_once(server: NameServer) -> None:
    server.seconds = 0.05
    made = Prover(Resolver([server.address]))
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(
                made.look, Question(f"h{number}.example.org", (HERE,), f"t{number}.example.org", MINE)
            )
    assert server.most_at_once <= prover.AT_ONCE * 3


async def test_a_name_that_is_too_long_has_no_text(server: NameServer) -> None:
    long = ".".join(["a" * 60] * 4) + ".example"
    assert (await Resolver([server.address]).texts(f"_cloudfreedom.{long}")).values == frozenset()
    assert server.asked == []


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("203.0.113.53", servers.Server("203.0.113.53")),
        ("127.0.0.1:5353", servers.Server("127.0.0.1", 5353)),
        ("2001:db8::53", servers.Server("2001:db8::53")),
        ("[2001:db8::53]:5353", servers.Server("2001:db8::53", 5353)),
    ],
)
def test_a_resolver_is_an_address(text: str, server: servers.Server) -> None:
    assert servers.chosen(text) == server
    assert servers.chosen(str(server)) == server


@pytest.mark.parametrize("text", ["", "ns.example.org", "203.0.113.53:0", "203.0.113.53:99999", "1.2.3:53"])
def test_anything_else_is_no_resolver(text: str) -> None:
    with pytest.raises(errors.Refusal) as caught:
        servers.chosen(text)
    assert caught.value.code == "DNS_SERVER_INVALID"
