"""Rules about what a container may write, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from listener.compose.guard.case import Case
from listener.compose.guard.isolation import absent, names_a_socket

VOLUME = re.compile(r"(?P<name>[a-z][a-z0-9-]{1,30}):(?P<target>/[A-Za-z0-9._/-]+)(?::ro)?")
"""`name:/path` or `name:/path:ro`. Coolify 4.3.10 reads a one-letter name as a Windows drive and `/path`
alone as a bind mount of the host's folder; long forms lose options."""

TMPFS = re.compile(r"(?P<target>/[A-Za-z0-9._/-]+):(?P<options>[a-z0-9=,]+)")
SIZE = re.compile(r"size=([1-9][0-9]{0,6})m")
TMPFS_OPTION = re.compile(r"nosuid|nodev|noexec|exec|(?:mode|uid|gid)=[0-9]{1,6}|size=[1-9][0-9]{0,6}m")
"""A later `suid` or `dev` would undo what stands before it."""


def binds(case: Case) -> Iterator[str]:
    """G05: named volumes in the short form only; no path of the host in any syntax (a socket's: G04)."""
    for name, service in case.services():
        for entry in _entries(service.get("volumes")):
            if not _is_named(entry) and not names_a_socket(entry):
                yield f"{name}: a volume is not of the form name:/path"


def volumes(case: Case) -> Iterator[str]:
    """G06: the template's volumes, plain: Coolify drops driver, options, labels and external."""
    declared = case.document.get("volumes") or {}
    if not isinstance(declared, dict):
        yield "volumes is not a mapping"
        return
    for key, body in declared.items():
        if key not in case.manifest.volumes:
            yield f"volume {key} is not one of the template's"
        if body not in (None, {}):
            yield f"volume {key} has options"
    yield from absent("G06")(case)
    for name, service in case.services():
        for entry in _entries(service.get("volumes")):
            if _is_named(entry) and not names_a_socket(entry) and entry.split(":")[0] not in declared:
                yield f"{name}: a volume is not declared"


def tmpfs(case: Case) -> Iterator[str]:
    """G13: every tmpfs has a size in MiB, nosuid and nodev; together a quarter of the memory at most."""
    for name, service in case.services():
        total = 0
        for entry in _entries(service.get("tmpfs")):
            match = TMPFS.fullmatch(entry) if isinstance(entry, str) else None
            options = match["options"].split(",") if match else []
            sizes = [int(size[1]) for option in options if (size := SIZE.fullmatch(option))]
            if len(sizes) != 1 or not {"nosuid", "nodev"} <= set(options):
                yield f"{name}: a tmpfs lacks size=…m, nosuid or nodev"
            elif not all(TMPFS_OPTION.fullmatch(option) for option in options):
                yield f"{name}: a tmpfs has an option that is not known"
            total += sum(sizes)
        limits = case.limits.get(name)
        if limits is not None and total * 4 > limits.memory_mb:
            yield f"{name}: tmpfs of {total}M is more than a quarter of {limits.memory}"


def _is_named(entry: object) -> TypeGuard[str]:
    return isinstance(entry, str) and VOLUME.fullmatch(entry) is not None


def _entries(value: Any) -> list[Any]:
    """The entries of a list; anything else is one entry that no rule accepts."""
    if value is None:
        return []
    return value if isinstance(value, list) else [None]
