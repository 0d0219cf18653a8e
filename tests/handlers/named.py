"""`Named`: the world, in which own domains need proof, and a real name server that is asked for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handlers.stacks.host_proofs import HostProofs
from listener import contract
from listener.dns.prover import Prover
from listener.dns.resolver import Resolver
from tests.dns.nameserver import NameServer
from tests.handlers.world import World

HOST = "bot.example.org"
HERE = "203.0.113.7"
ELSEWHERE = "198.51.100.1"


@dataclass
class Named:
    """The world, in which own domains need proof, and a real name server that is asked for it."""

    world: World
    names: NameServer

    def turn_on(self) -> None:
        """Proof is demanded of this process."""
        eyes = self.world.parts.eyes
        eyes.site = replace(eyes.site, proves_domains=True)
        self.world.coolify.server.ip = HERE
        self.proofs = HostProofs(eyes=eyes, look=Prover(Resolver([self.names.address])).look)

    async def round(self) -> list[contract.Key]:
        """One round of lookups, and the turns that follow from it."""
        found = list(await self.proofs.round())
        for key in found:
            self.world.parts.turns.add(key, self.world.clock.seconds)
        await self.world.settle()
        return found

    async def running(self, domain: str = HOST) -> str:
        """A stack with an own domain, looked up once, that runs."""
        stack = await self.world.stack("base-llm", domain=domain)
        await self.world.settle(0.0)
        await self.world.settle(60.0)
        await self.round()
        row = await self.world.row(stack)
        assert row["status"] == "running", row
        self.world.coolify.calls.reset()
        return stack

    def routed(self, stack: str) -> str:
        """What Coolify routes to the stack."""
        return (self.world.service(stack).parts[0].fqdn or "").removesuffix(":8080")

    async def shown(self, stack: str) -> tuple[str, str]:
        """Message, and code of the reason that staff reads."""
        row = await self.world.row(stack)
        assert row["status"] == "running", row
        return row["message"], row["error_message"].partition(" · ")[0]
