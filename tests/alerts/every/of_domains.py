"""What goes wrong with a domain, and how it ends: a real TLS server and a real name server on loopback."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

from handlers.stacks import host_proofs
from handlers.stacks.witness import Witness
from listener.probe.probe import SECONDS, Probe
from tests.alerts.every.case import Case
from tests.alerts.every.of_stacks import copied
from tests.alerts.every.tower import Tower
from tests.dns import nameserver
from tests.handlers.named import ELSEWHERE, HERE, HOST, Named
from tests.probe import traefik
from tests.probe.authority import Authority


async def probe(tower: Tower) -> AsyncGenerator[None]:
    world = tower.world
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        async with traefik.serving(traefik.Traefik(authority, is_tls=True)) as door:
            door.host(HOST, traefik.says("200 OK", b"hello"))
            eyes = world.parts.eyes
            eyes.site = replace(eyes.site, is_witnessed=True)
            look = Probe(clock=world.clock, trust=authority.trust(), seconds=SECONDS).look
            witness = Witness(eyes=eyes, catalog=world.place.catalog, look=look, door=door.address)
            tower.rounds.append(witness.round)
            await world.running("base-llm", domain=HOST, **copied(tower))
            await tower.live(60)
            yield
            door.certificates[HOST] = authority.strangers(HOST)
            yield
            door.certificates[HOST] = authority.for_host(HOST)
            yield


async def domain(tower: Tower) -> AsyncGenerator[None]:
    async with nameserver.serving() as names:
        scene = Named(tower.world, names)
        scene.turn_on()
        tower.rounds.append(scene.proofs.round)
        names.hold(HOST, "A", ELSEWHERE)
        yield
        await tower.world.stack("base-llm", domain=HOST, **copied(tower))
        yield
        names.hold(HOST, "A", HERE)
        tower.world.pass_time(host_proofs.SHORTEST)
        yield


CASES: Sequence[Case] = (
    Case(
        "probe", "the domain shows a certificate that nobody trusts", "it shows a good one", probe
    ),
    Case(
        "domain", "an own domain leads elsewhere", "it leads here", domain),
)  # fmt: skip
