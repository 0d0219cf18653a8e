"""Structured logs on standard error, with a second net under every secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "***"

SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|api_?key|authorization|cookie|credential|private_?key|fernet",
    re.IGNORECASE,
)
"""A value under such a name is never shown, whatever it is."""

SECRET_SHAPES = (
    re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/|=-]{8,}"),
    re.compile(r"\d+\|[A-Za-z0-9]{40,}"),  # Coolify: id|token
    re.compile(r"\d{8,10}:[\w-]{35}"),  # Telegram bot
    re.compile(r"\bsk-[\w-]{8,}"),  # OpenAI, Anthropic, OpenRouter, LiteLLM
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),  # JSON web token: PocketBase
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user:password in an address
)
"""Text of such a shape is cut out of every value."""

QUIET = ("httpx", "httpcore", "uvicorn", "asyncio")
"""Libraries that are heard from WARNING on: httpx names every address it calls at INFO."""


def configure(style: Literal["json", "console"], level: str) -> None:
    """All logs, ours and the libraries', go to standard error in one style and through `redact`."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(style),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Values under a secret's name and text of a secret's shape are replaced, however deep they lie."""
    return _mapping(event)


def _renderer(style: Literal["json", "console"]) -> Processor:
    if style == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _mapping(values: Mapping[Any, Any]) -> MutableMapping[str, Any]:
    return {
        str(name): HIDDEN if SECRET_NAME.search(str(name)) else _value(value)
        for name, value in values.items()
    }


def _value(value: object) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return _mapping(value)
        case list() | tuple() | set() | frozenset():
            return [_value(each) for each in value]
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    for shape in SECRET_SHAPES:
        text = shape.sub(HIDDEN, text)
    return text
