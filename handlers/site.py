"""What is the same for every tenant and stack: the installation and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers import refusals, status
from listener import contract

NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Site:
    """The installation and its settings, as far as policy needs them."""

    inst: str
    waits: contract.Waits
    voice: status.Voice
    server_uuid: str
    destination_uuid: str
    environment: str
    coolify_url: str
    """Where people reach Coolify's UI."""
    platform: Mapping[str, str]
    """Values that the platform provides to templates, by name, such as ROUTER_BASE_URL."""
    is_witnessed: bool = False
    """Domains are asked whether they answer, apart from what Coolify says."""
    platform_domain: str = ""
    """Under which every tenant has host names of its own, lower case; empty = nobody has."""
    proves_domains: bool = False
    """Own domains are routed only when they are proven."""
    door: tuple[str, ...] = ()
    """Where own domains must lead for stacks on the default server, if not to its address in Coolify."""
    rollout: int = 2
    """How many stacks are given new limits of their tier at a time."""
    reserved: tuple[str, ...] = ()
    """Host names that no stack may have."""

    def for_hooks(self, now: datetime) -> dict[str, Any]:
        """What PocketBase's hooks must know to judge and speak as the listener does."""
        german = self.voice.language == "de"
        return {
            "language": self.voice.language,
            "texts": {
                code: texts[german] for code, texts in {**refusals.REFUSALS, **refusals.RECEIPTS}.items()
            },
            "zone_minutes": int((now.astimezone(self.voice.zone).utcoffset() or NONE).total_seconds() // 60),
            "hosts": {
                "platform": self.platform_domain,
                "reserved": list(self.reserved),
            },
        }
