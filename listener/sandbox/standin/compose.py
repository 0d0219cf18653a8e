"""Reading a compose file: what is refused, what crashes the parser, what is extracted.

Source: Coolify 4.3.10, ServicesController.php and bootstrap/helpers/parsers.php, and recorded answers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from listener.sandbox.standin import answers, yamlish

NOT_BASE64 = "The docker_compose_raw should be base64 encoded."
_NO_SHELL_NAME = "Service names must not contain shell metacharacters."
_NO_SHELL_PATH = "Please use safe path names without shell metacharacters."
_REFERENCE = re.compile(r"^\$(?:([A-Za-z_][\w.]*)$|\{([A-Za-z_][\w.]*)(?:(\}|$)|(:?[-?])(.*)))", re.DOTALL)
_MAGIC = re.compile(r"\$\{?(SERVICE_(?:PASSWORD|USER|BASE64|REALBASE64|HEX)_[A-Z0-9_]+)")
_SHELL = {
    "`": "backtick (command substitution)",
    "$(": "command substitution",
    "${": "variable substitution with potential command injection",
    "|": "pipe operator",
    "&": "background/AND operator",
    ";": "command separator",
    "\n": "newline (command separator)",
    "\r": "carriage return",
    "\t": "tab (token separator)",
    ">": "output redirection",
    "<": "input redirection",
}
_PLAIN_VARIABLE = re.compile(r"^\$\{[A-Za-z_]\w*(?::?-[^`$|&;<>{}]*)?\}(?:/[\w./-]*)?$")
_DATABASES = {
    *("postgres", "postgresql", "mysql", "mariadb", "mongo", "redis", "memcached", "couchdb", "neo4j"),
    *("influxdb", "clickhouse-server", "timescaledb", "pgvector", "postgis"),
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """A variable that the parser makes out of a reference. `magic` ones get a generated value."""

    key: str
    value: str | None
    required: bool = False
    magic: bool = False


def decode(text: Any) -> dict[str, Any]:
    """The document in canonical base64 of UTF-8 YAML. Raises the refusals in the order of the real one."""
    if not isinstance(text, str):
        raise answers.invalid({"docker_compose_raw": NOT_BASE64})
    try:
        plain = base64.b64decode(text, validate=True)
        content = plain.decode()
    except (binascii.Error, ValueError) as error:
        raise answers.invalid({"docker_compose_raw": NOT_BASE64}) from error
    if base64.b64encode(plain).decode() != text:
        raise answers.invalid({"docker_compose_raw": NOT_BASE64})
    try:
        document = yamlish.load(content)
    except yamlish.Broken as error:
        raise answers.broken() from error
    if not isinstance(document, dict) or document.get("services") is None:
        text = 'Docker Compose file must contain a "services" section'
        raise answers.invalid({"docker_compose_raw": text})
    _refuse_shell(document)
    return document


def services(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The compose services by name."""
    found = document.get("services")
    if not isinstance(found, dict):
        return {}
    return {str(name): (body if isinstance(body, dict) else {}) for name, body in found.items()}


def _refuse_shell(document: dict[str, Any]) -> None:
    for name, body in services(document).items():
        if reason := _forbidden(name, "service name"):
            text = f"Invalid Docker Compose service name: {reason} {_NO_SHELL_NAME}"
            raise answers.invalid({"docker_compose_raw": text})
        for source, target in _ends(body):
            reason = "" if _PLAIN_VARIABLE.match(source) else _forbidden(source, "volume source")
            if reason := reason or _forbidden(target, "volume target"):
                text = f"Invalid Docker volume definition: {reason} {_NO_SHELL_PATH}"
                raise answers.invalid({"docker_compose_raw": text})


def _forbidden(text: str, what: str) -> str:
    for characters, meaning in _SHELL.items():
        if characters in text:
            return (
                f"Invalid {what}: contains forbidden character '{characters}' ({meaning}). "
                "Shell metacharacters are not allowed for security reasons."
            )
    return ""


def _ends(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in body.get("volumes") or ():
        if isinstance(volume, dict):
            yield str(volume.get("source") or ""), str(volume.get("target") or "")
        else:
            pieces = re.split(r":(?![-?])", str(volume))
            yield pieces[0], pieces[1] if len(pieces) > 1 else pieces[0]


def environment(body: dict[str, Any]) -> dict[str, Any]:
    """`environment:` as a map; a bare name gets an empty text (there is no pass-through)."""
    found = body.get("environment")
    if isinstance(found, dict):
        return {str(key): value for key, value in found.items()}
    if not isinstance(found, list):
        return {}
    return {key: value for key, _, value in (str(line).partition("=") for line in found)}


def crashes(document: dict[str, Any]) -> bool:
    """The parser dies on this after the row was written: the answer is 500 and the row stays half made."""
    return any(
        _kills(key, value) for body in services(document).values() for key, value in environment(body).items()
    )


def _kills(key: str, value: Any) -> bool:
    if isinstance(value, dict | list):
        return True
    if key.startswith(("SERVICE_FQDN_", "SERVICE_URL_")) and "-" in key:
        return True
    return isinstance(value, str) and value.startswith("$") and not _REFERENCE.match(value)


def extract(document: dict[str, Any]) -> Iterator[Extracted]:
    """The variables that the parser finds: in values that begin with a reference, and magic ones anywhere."""
    for body in services(document).values():
        for key, value in environment(body).items():
            if not isinstance(value, str):
                continue
            for name in _MAGIC.findall(value):
                yield Extracted(name, None, magic=True)
            if value.startswith(("${SERVICE_", "$SERVICE_")):
                yield Extracted(key, value)
            else:
                yield from _referenced(value)


def _referenced(value: str) -> Iterator[Extracted]:
    if not (found := _REFERENCE.match(value)):
        return
    bare, braced, _, operator, rest = found.groups()
    if not operator:
        yield Extracted(bare or braced, None)
        return
    default = rest.rpartition("}")[0] if rest.endswith("}") else rest.split("}")[0]
    yield Extracted(braced, default, required="?" in operator)
    if default.startswith("$"):
        yield from _referenced(default)


def is_database(image: str) -> bool:
    """Judged by the last part of the image's name; a registry with a port hides it (Coolify 4.3.10)."""
    return image.partition(":")[0].rsplit("/", maxsplit=1)[-1] in _DATABASES


def made_domain(name: str, body: dict[str, Any], suffix: str) -> str | None:
    """The domain that a key `SERVICE_URL_NAME[_PORT]` or `SERVICE_FQDN_…` gives its container.

    A path as value lands before the port, as in the real one.
    """
    for key, value in environment(body).items():
        if found := re.match(r"SERVICE_(?:URL|FQDN)_[A-Z0-9]+(?:_(\d+))?$", key):
            path = value if isinstance(value, str) and value.startswith("/") else ""
            port = f":{found[1]}" if found[1] else ""
            return f"http://{name.replace('-', '')}-{suffix}{path}{port}"
    return None
