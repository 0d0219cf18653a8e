"""The bot's settings, read from the environment once."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

PROMPT = "You are a helpful assistant. Answer in the language of the question."


@dataclass(frozen=True)
class Settings:
    """What one bot needs; secrets do not appear in its text form. An empty variable counts as absent."""

    token: str = field(repr=False)
    router_key: str = field(repr=False)
    router_url: str
    """With `/v1`, without a slash at the end."""
    api_base: str = "https://api.telegram.org"
    model: str = ""
    """Empty: the first model that the Router offers."""
    allowed: frozenset[int] = frozenset()
    allow_all: bool = False
    prompt: str = PROMPT
    max_tokens: int = 1024
    per_hour: int = 20
    """Questions of one person in an hour."""
    heartbeat: Path = Path("/tmp/heartbeat")  # noqa: S108 - a tmpfs of the container

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not reach a log."""
        return (self.token, self.router_key)


def read(environ: Mapping[str, str]) -> Settings:
    """The settings; raises `ValueError` naming every variable that is missing or unreadable."""
    given = {name: value for name, value in environ.items() if value}
    wrong = [n for n in ("TELEGRAM_BOT_TOKEN", "CLOUDFREEDOM_API_KEY") if n not in given]
    addresses = {"ROUTER_BASE_URL": "", "TELEGRAM_API_BASE": Settings.api_base}
    for name, default in addresses.items():
        addresses[name] = given.get(name, default).rstrip("/")
        if not _is_address(addresses[name]):
            wrong.append(name)
    numbers = {"MAX_TOKENS": Settings.max_tokens, "MESSAGES_PER_HOUR": Settings.per_hour}
    for name, number in numbers.items():
        text = given.get(name, str(number))
        if re.fullmatch(r"[0-9]{1,6}", text):
            numbers[name] = int(text)
        else:
            wrong.append(name)
    prompt = _decoded(given.get("SYSTEM_PROMPT_B64", ""))
    if prompt is None:
        wrong.append("SYSTEM_PROMPT_B64")
    if wrong:
        raise ValueError(f"missing or unreadable: {', '.join(wrong)}")
    return Settings(
        token=given["TELEGRAM_BOT_TOKEN"],
        router_key=given["CLOUDFREEDOM_API_KEY"],
        router_url=addresses["ROUTER_BASE_URL"],
        api_base=addresses["TELEGRAM_API_BASE"],
        model=given.get("MODEL", ""),
        allowed=frozenset(int(number) for number in re.findall(r"\d+", given.get("ALLOWED_USER_IDS", ""))),
        allow_all=given.get("ALLOW_ALL", "").lower() == "true",
        prompt=prompt or PROMPT,
        max_tokens=numbers["MAX_TOKENS"],
        per_hour=numbers["MESSAGES_PER_HOUR"],
        heartbeat=Path(given.get("HEARTBEAT_FILE", str(Settings.heartbeat))),
    )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return None
