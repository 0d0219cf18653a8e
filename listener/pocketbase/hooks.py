"""The hooks of `pb_schema/pb_hooks`: which they are, how they come into PocketBase's folder, and which run.

Every installed file begins with a line that holds the hash of its rest, so that a file of ours is told from a
foreign one, and an untouched from an edited one, of whichever release. `stamp` covers all of them; PocketBase
computes the same from what it loaded (`cloudfreedom/stamp.js`) and shows it in `listener_meta.hooks_stamp`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from listener import errors

MAIN = "cloudfreedom.pb.js"
"""The file that PocketBase loads; the others are required by it, from `MODULES`."""
MODULES = "cloudfreedom"
FIELD = "hooks_stamp"
"""Of `listener_meta/main`: the stamp of the hooks that run, empty without them; it is never stored."""

_HEAD = "// CloudFreedom Listener; not to be edited: `cloudfreedom schema hooks install` replaces it. {}\n"
_HEADED = re.compile(re.escape(_HEAD).replace(r"\{\}", "([0-9a-f]{64})"))


@cache
def files() -> Mapping[str, str]:
    """Path below PocketBase's hooks folder -> content, `MAIN` last: it is of no use before the others."""
    folder = resources.files("pb_schema").joinpath("pb_hooks")
    names = sorted(entry.name for entry in folder.joinpath(MODULES).iterdir() if entry.name.endswith(".js"))
    paths = [*(f"{MODULES}/{name}" for name in names), MAIN]
    return {path: headed(folder.joinpath(path).read_text(encoding="utf-8")) for path in paths}


@cache
def stamp() -> str:
    """What `FIELD` shows when the hooks of this release run."""
    lines = [f"{path} {_hash(text)}\n" for path, text in files().items()]
    return _hash("".join([lines[-1], *lines[:-1]]))[:16]


def install(folder: Path, *, force: bool) -> list[str]:
    """PocketBase's hooks folder holds our files as they are in this release; the paths that were changed.

    Each file is whole at every moment, since PocketBase may load it at once. Files of an earlier release that
    this one has no use for are removed. Without `force`, raises `Refusal` `HOOKS_NOT_OURS` before anything is
    written, for files that are not ours or were edited; `HOOKS_FOLDER_UNUSABLE` when it cannot be written.
    """
    wanted = files()
    try:
        there = {path: path.read_bytes() for path in _present(folder, wanted)}
        strange = [str(path) for path, content in there.items() if not _is_ours(content)]
        if strange and not force:
            raise _not_ours(strange)
        changed = []
        for path in there:
            if path.relative_to(folder).as_posix() not in wanted:
                path.unlink()
                changed.append(str(path))
        for name, text in wanted.items():
            if there.get(folder / name) != text.encode():
                _write(folder / name, text)
                changed.append(str(folder / name))
    except OSError as error:
        raise errors.Refusal(
            "HOOKS_FOLDER_UNUSABLE",
            f"The hooks cannot be written to {folder}.",
            why=f"{error.filename or folder}: {error.strerror}",
            fix="name the folder that PocketBase's --hooksDir names (pb_hooks beside pb_data), as its owner",
        ) from error
    return changed


def _present(folder: Path, wanted: Mapping[str, str]) -> list[Path]:
    """Every file that stands where one of ours belongs."""
    modules = folder / MODULES
    found = set(modules.glob("*.js")) | {folder / name for name in wanted}
    return sorted(path for path in found if path.exists() or path.is_symlink())


def _is_ours(content: bytes) -> bool:
    head, _, rest = content.decode(errors="replace").partition("\n")
    found = _HEADED.fullmatch(f"{head}\n")
    return found is not None and found[1] == _hash(rest)


def _not_ours(paths: list[str]) -> errors.Refusal:
    return errors.Refusal(
        "HOOKS_NOT_OURS",
        f"{', '.join(paths)}: not ours, or edited by hand. Nothing was written.",
        what="hook files in the way are not as any release left them",
        why="their first line does not hold the hash of the rest",
        fix="keep what you need of them elsewhere, then give --force",
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.replace(path)


def headed(text: str) -> str:
    """The text as it is installed: behind a line that holds its hash."""
    return _HEAD.format(_hash(text)) + text


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
