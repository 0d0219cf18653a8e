"""The steps on kept secrets: make them, seal them anew. None of them has an effect on Coolify."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from handlers import steps
from listener.secrets import generation


@dataclass(frozen=True, slots=True)
class MakeSecrets:
    """Make secrets that a template wants generated, and keep them sealed before anything is sent."""

    tenant_id: str
    kinds: tuple[tuple[str, str], ...]
    """Name and kind (`token`, `password`, `hex`) of each."""
    consume: str = ""
    """The action that asked for new ones; cleared in the same batch."""
    taken_from: str = ""
    """The uuid of an adopted service: values that it has are kept, so that its data stays readable."""
    effect = False

    def describe(self) -> str:
        cleared = f"; clear action {self.consume}" if self.consume else ""
        return f"make secrets {', '.join(name for name, _ in self.kinds)} (values hidden){cleared}"

    async def run(self, hands: steps.Hands) -> None:
        old = await hands.coolify.env_values(self.taken_from) if self.taken_from else {}
        made = [
            steps.Secret(
                hands.key.id, self.tenant_id, name, SecretStr(old.get(name) or generation.made(kind))
            )
            for name, kind in self.kinds
        ]
        verb = f"action.{self.consume}" if self.consume else "secrets.make"
        entry = steps.Entry(verb, "done", detail={"names": [name for name, _ in self.kinds]})
        await hands.scribe.record(hands.key, entry=entry, secrets=made, consume=self.consume)


@dataclass(frozen=True, slots=True)
class Reseal:
    """Seal with the first key what an older one sealed: kept secrets and last specs."""

    effect = False

    def describe(self) -> str:
        return "seal every kept value with the first key"

    async def run(self, hands: steps.Hands) -> None:
        await hands.scribe.reseal()
