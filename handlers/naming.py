"""Names that people read and markers that prove: made once from a record, never changed after.

Coolify's names are not unique and its UI lets people edit them; so a service is ours only if its description
carries our installation, the record's id and the tenant's id. The description uses only characters that
Coolify's UI accepts (4.3.10, ValidationPatterns.php).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from listener import errors
from listener.coolify import payloads

TAIL = "managed by CloudFreedom - do not edit"
MARKER = re.compile(r"^cf1 inst=([a-z0-9]+)(?: stack=([A-Za-z0-9_-]+))? tenant=([A-Za-z0-9_-]+) managed by\b")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose object a description says it is; `stack` is empty on a project."""

    inst: str
    tenant: str
    stack: str = ""

    def __str__(self) -> str:
        stack = f" stack={self.stack}" if self.stack else ""
        return f"cf1 inst={self.inst}{stack} tenant={self.tenant} {TAIL}"


@dataclass(frozen=True, slots=True)
class Proof:
    """Seen by us: this uuid carried our full marker while its entry looked like this."""

    uuid: str
    name: str
    server_status: bool
    read_at: float
    """When it was asked for, on the listener's clock."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """The uuid exists and its description is not ours."""

    uuid: str
    read_at: float


@dataclass(frozen=True, slots=True)
class Missing:
    """Coolify answers 404 for the uuid while the team check answers for our team."""

    uuid: str
    read_at: float


Look = Proof | Foreign | Missing


def read(description: str) -> Marker | None:
    """The marker in a description, if it is one."""
    found = MARKER.match(description)
    return Marker(inst=found[1], stack=found[2] or "", tenant=found[3]) if found else None


def prove(detail: payloads.ServiceDetail, wanted: Marker, read_at: float) -> Proof | Foreign:
    """Proof that the service is the one `wanted` names, or that it is not."""
    if read(detail.description) != wanted:
        return Foreign(detail.uuid, read_at)
    return Proof(detail.uuid, detail.name, detail.server_status, read_at)


def service_name(slug: str, stack_name: str, record_id: str) -> str:
    """The service's name; the record id stands after its last `-`."""
    return f"cf-{slug}-{stack_name}-{record_id}"


def project_name(slug: str, record_id: str) -> str:
    """The project's name; the record id stands after its last `-`."""
    return f"cf-{slug}-{record_id}"


def record_of(name: str) -> str:
    """The record id that a service or project of that name is of, if it is one of ours."""
    return name.rpartition("-")[2]


def checked_name(text: str, what: str) -> str:
    """The slug or stack name, if it can be part of our names; else `NAME_NOT_ALLOWED`."""
    if len(text) <= LONGEST_NAME and NAME.fullmatch(text):
        return text
    raise errors.Refusal(
        "NAME_NOT_ALLOWED",
        f"The {what} is not allowed: use 1 to {LONGEST_NAME} characters of a-z, 0-9 and -.",
        what=f"the {what} cannot be part of a name in Coolify",
        why=f"{len(text)} characters, or characters other than a-z, 0-9 and -",
        fix=f"give the record a {what} of 1 to {LONGEST_NAME} characters of a-z, 0-9 and -",
    )


def checked_host(domain: str, reserved: tuple[str, ...]) -> str:
    """The host name of a domain field, lower case, without scheme, port or path; "" for none.

    Raises `DOMAIN_INVALID` when it is not a host name, `DOMAIN_RESERVED` when it is the platform's own.
    """
    text = domain.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/").rstrip(".")
    if not text:
        return ""
    labels = text.split(".")
    if len(text) > 253 or len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels):
        raise errors.Refusal(
            "DOMAIN_INVALID",
            "The domain is not a host name. Use a name such as bot.example.org, without port or path.",
            what="the domain is not a host name",
            why="it holds a port, a path, a wildcard, or characters outside a-z, 0-9, - and .",
            fix="enter a host name of at least two labels; umlauts in their xn-- form",
        )
    if text in reserved:
        raise errors.Refusal(
            "DOMAIN_RESERVED",
            "This domain belongs to the platform. Choose another one.",
            what="the domain is reserved for the platform",
            why="it is listed in PLATFORM_RESERVED",
            fix="choose another host name",
        )
    return text
