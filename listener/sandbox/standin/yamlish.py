"""YAML as symfony/yaml reads it (Coolify 4.3.10 reads with symfony/yaml 7.4): YAML 1.2 scalars, strict keys.

`yes` is a string, `0123` is a string, `2024-01-02` is a Unix time; duplicate keys, several documents, unknown
tags and a comment after a merge alias are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import yaml

_MERGE_COMMENT = re.compile(r"^\s*<<:\s*\*[^\s#]+[ \t]+#", re.MULTILINE)
_BECOME_NUMBERS = re.compile(
    r"(?P<infinite>\.inf|\.nan)|\+?0o(?P<octal>[0-7_]+)"
    r"|(?=.*_)(?:\+[0-9][0-9_]*|\+?[0-9][0-9_]*\.[0-9_]+)",
    re.IGNORECASE,
)
"""Texts that symfony/yaml 7.4 (Inline.php) writes without quotes and then reads as numbers; `.nan` becomes
infinite too. Recorded: `.inf`, `.nan`, `0o17`."""


class Broken(Exception):
    """The text is no YAML for Coolify."""


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own hook, replaced on purpose

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if len(names) != len({str(name) for name in names}):
            raise Broken("duplicate key")
        return super().construct_mapping(node, deep=deep)


def _resolve(tag: str, pattern: str, first: Iterable[str]) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolve("null", r"^(?:~|null|Null|NULL|)$", ("~", "n", "N", ""))
_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"^[-+]?(?:0|[1-9][0-9_]{0,17}|0x[0-9a-fA-F]+)$", "-+0123456789")
_resolve(
    "float",
    r"^(?:[-+]?(?:[0-9][0-9_]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan)$",
    "-+.0123456789",
)
_resolve("timestamp", r"^\d{4}-\d\d?-\d\d?(?:[Tt ].*)?$", "0123456789")
_resolve("merge", r"^<<$", "<")


def _seconds(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    moment = datetime.fromisoformat(str(loader.construct_scalar(node)))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).replace("_", "").lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _seconds)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def load(text: str) -> Any:
    """The document. Raises `Broken`."""
    if _MERGE_COMMENT.search(text):
        raise Broken("comment after a merge alias")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise Broken(str(error)) from error


def dump(document: Any) -> str:
    """The document as Coolify stores it: comments and anchors gone, empty lists turned into empty maps."""
    return yaml.dump(_settled(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


_OWN = _Loader.yaml_implicit_resolvers
_COMMON = yaml.SafeDumper.yaml_implicit_resolvers


class _Dumper(yaml.CSafeDumper):
    """Quotes what any reader could take for something else than a text."""

    yaml_implicit_resolvers = {key: _COMMON.get(key, []) + _OWN.get(key, []) for key in {*_COMMON, *_OWN}}  # noqa: RUF012 - PyYAML's own hook

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _settled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_settled(inner) for inner in value] or {}
    if isinstance(value, str) and (found := _BECOME_NUMBERS.fullmatch(value)):
        if found["octal"]:
            return int(found["octal"].replace("_", "") or "0", 8)
        return float("inf" if found["infinite"] else value.replace("_", ""))
    return value
