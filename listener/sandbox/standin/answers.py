"""Answers and refusals in the shapes that Coolify 4.3.10 gave them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body: JSON, or bare text when it is a `str` (sent as text/html)."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The request ends here with this answer."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.answer = Answer(status, body, headers or {})


def ok(body: Any) -> Answer:
    """200."""
    return Answer(200, body)


def created(body: Any) -> Answer:
    """201."""
    return Answer(201, body)


def said(text: str, status: int = 200) -> Answer:
    """Only a message."""
    return Answer(status, {"message": text})


def refused(status: int, text: str) -> Refused:
    """Only a message, as an end."""
    return Refused(status, {"message": text})


def invalid(errors: Any) -> Refused:
    """422. `errors` is an object of lists, an object of strings, or a list: all three occur."""
    return Refused(422, {"message": "Validation failed.", "errors": errors})


def missing(what: str) -> Refused:
    """404 for an object that is unknown or another team's."""
    return Refused(404, {"message": f"{what} not found."})


def broken() -> Refused:
    """500 as every unexpected exception is answered."""
    return Refused(500, {"message": "Server Error"})


NO_ROUTE = Answer(404, {"message": "Not found.", "docs": "https://coolify.io/docs"})
"""Unknown path, and also a wrong verb on a known one."""

MOVED = Answer(405, {"message": "This endpoint has changed to a POST request."}, {"Allow": "POST"})
"""GET on start, stop, restart, deploy, enable, disable."""
