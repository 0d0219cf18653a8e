"""What Compose would start for a stack: each service's body, and the environment that Coolify gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from listener.compose import catalog, limits, render, variables
from listener.compose.template import Template

MADE = {
    "token": "Zk3-" + "fake_Token-" * 3 + "fakefa",
    "password": "FakePassword1" + "x" * 11,
    "hex": "0123456789abcdef" * 4,
}
"""What the listener would have made, in its own shapes."""


@dataclass(frozen=True)
class Order:
    """A stack as it was ordered."""

    slug: str
    tier: str
    env_vars: Mapping[str, str]
    domain: str | None = None


@dataclass(frozen=True)
class Container:
    """One service as Compose reads it: `$$` is `$`, `${NAME}` is the variable's value."""

    name: str
    body: Mapping[str, Any]
    env: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        """What runs, without the image's own entrypoint."""
        return _plain([*self.body.get("entrypoint", []), *self.body.get("command", [])])

    @property
    def health(self) -> list[str]:
        """The health check's command."""
        kind, *words = self.body["healthcheck"]["test"]
        assert kind == "CMD"
        return _plain(words)


def containers(order: Order, platform: Mapping[str, str]) -> dict[str, Container]:
    """The services of the order by name, rendered and guarded as the listener does it."""
    template = catalog.Catalog.load().get(order.slug)
    assert template is not None
    resolved = variables.resolve(template, order.env_vars, platform=platform, kept=made(template))
    granted = limits.effective(
        template.manifest, tier=order.tier, overrides={}, wish=None, options=resolved.options
    )
    context = render.RenderContext(
        "00000000", "t1", "acme", "s1", f"cf-{order.slug}-acme-1", order.tier, granted, order.domain
    )
    document = render.render(template, context=context).document
    shared = {one.key: one.value.get_secret_value() for one in resolved.env}
    return {
        name: Container(name, body, _environment(body, shared)) for name, body in document["services"].items()
    }


def made(template: Template) -> dict[str, SecretStr]:
    """The generated secrets, different for each name."""
    named = [one for one in template.manifest.parameters if one.generated]
    return {
        one.name: SecretStr(f"{number}{MADE[one.generated or ''][1:]}") for number, one in enumerate(named)
    }


def _environment(body: Mapping[str, Any], shared: Mapping[str, str]) -> dict[str, str]:
    """Coolify gives every container all variables of the stack; one that was not sent is empty."""
    own = {
        key: shared.get(key, "") if value == f"${{{key}}}" else value.replace("$$", "$")
        for key, value in body.get("environment", {}).items()
    }
    return {**shared, **own}


def _plain(words: list[str]) -> list[str]:
    return [word.replace("$$", "$") for word in words]
