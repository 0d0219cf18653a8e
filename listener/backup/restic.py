"""`Restic`: the program as we call it. One process a call; what it says becomes values and our errors."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from listener import errors
from listener.backup import process, snapshots, trouble
from listener.backup.snapshots import Snapshot

LONGEST = 6 * 3600.0
"""Seconds that one call may take."""
INCOMPLETE = 3
"""restic's exit code when something could not be read: the snapshot is there without it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A snapshot just made: its id, and the bytes that it holds (not those that were sent)."""

    id: str
    bytes: int


@dataclass(frozen=True)
class Restic:
    """One repository. `lock` stays open in every process that it starts: who waits for it waits for them."""

    repository: str = field(repr=False)
    password: str = field(repr=False)
    cache: Path
    lock: int | None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the repository's own server needs, such as AWS_ACCESS_KEY_ID."""

    async def init(self) -> None:
        """The repository is there, new and empty. Raises for one that is there already."""
        await self._said("init")

    async def prove(self) -> None:
        """The repository is there and opens."""
        await self._said("cat", "config", "--no-lock")

    async def backup(self, paths: Sequence[Path], tags: Sequence[str], exclude: Sequence[str]) -> Made:
        """One snapshot of these paths. What went away meanwhile is left out.

        What was removed and made again under its name looks like what cannot be read: then all is read once
        more, which takes no room. Raises `BACKUP_INCOMPLETE` for what could not be read either time: the
        snapshot is kept.
        """
        words = ["backup", "--json", "--one-file-system"]
        words += [word for tag in tags for word in ("--tag", tag)]
        words += [f"--exclude={_literal(path)}" for path in exclude]
        words += ["--", *map(str, paths)]
        made, left = await self._copied(words)
        if not left:
            return made
        again, still = await self._copied(words)
        await self.forget([made.id])
        if missing := sorted(left & still):
            raise errors.Terminal(
                "BACKUP_INCOMPLETE",
                "not everything could be read",
                why=f"{len(missing)} missing in snapshot {again.id}, first {missing[0]}",
                fix="is the disk sound, and does it run as root? what was read is in the snapshot",
            )
        return again

    async def _copied(self, words: Sequence[str]) -> tuple[Made, set[str]]:
        """A snapshot, and what is there and could not be read for it."""
        done = await self._patient(*words, good=(0, INCOMPLETE))
        summary = next(one for one in _lines(done.stdout) if one.get("message_type") == "summary")
        left = set(unread(done.stderr)) if done.returncode == INCOMPLETE else set()
        return Made(str(summary["snapshot_id"]), int(summary["total_bytes_processed"])), left

    async def snapshots(self, *tags: str) -> list[Snapshot]:
        """Those that carry all of these tags, oldest first."""
        said = await self._said("snapshots", "--json", "--no-lock", "--tag", ",".join(tags))
        return snapshots.read(json.loads(said) or ())

    async def restore(self, snapshot: str, target: Path, *include: str) -> None:
        """These paths of the snapshot, or all, lie below `target`, owners and rights kept, and compared."""
        chosen = [word for path in include for word in ("--include", _literal(path))]
        await self._said("restore", snapshot, "--target", str(target), "--verify", *chosen)

    async def forget(self, ids: Sequence[str]) -> None:
        """These snapshots are gone, and what only they held."""
        if ids:
            await self._patient("forget", "--prune", *ids)

    async def check(self, part: str) -> None:
        """The repository is whole, and this part of its data (`5%`) reads as it was written."""
        await self._patient("check", f"--read-data-subset={part}")

    async def _patient(self, *words: str, good: Sequence[int] = (0,)) -> subprocess.CompletedProcess[bytes]:
        """As `_run`; once more when the lock in the way was left by a dead process of this host."""
        try:
            return await self._run(*words, good=good)
        except trouble.Locked:
            if not await self._is_lock_dead():
                raise
        await self._run("unlock")
        return await self._run(*words, good=good)

    async def _is_lock_dead(self) -> bool:
        """Every lock was made on this host by a process that is no more: none of another host is touched."""
        ids = (await self._said("list", "locks", "--no-lock")).split()
        locks = [json.loads(await self._said("cat", "lock", one, "--no-lock")) for one in ids]
        return all(map(_is_dead, locks))

    async def _said(self, *words: str) -> str:
        return (await self._run(*words)).stdout.decode()

    async def _run(self, *words: str, good: Sequence[int] = (0,)) -> subprocess.CompletedProcess[bytes]:
        program = shutil.which("restic")
        if program is None:
            raise trouble.missing()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        env = kept | {
            **self.env,
            "RESTIC_REPOSITORY": self.repository,
            "RESTIC_PASSWORD": self.password,
            "RESTIC_CACHE_DIR": str(self.cache),
        }
        done = await process.run([program, *words], lock=self.lock, seconds=LONGEST, env=env)
        if done.returncode not in good:
            raise trouble.of(self._clean(done.stderr.decode(errors="replace")), done.returncode)
        return done

    def _clean(self, words: str) -> str:
        """Without what may be a secret: an address can hold a password."""
        for secret in (self.password, self.repository, *self.env.values()):
            words = words.replace(secret, "…") if secret else words
        return words


def _is_dead(lock: Mapping[str, Any]) -> bool:
    """Whoever made it ran on this host, and is no more."""
    if lock.get("hostname") != socket.gethostname():
        return False
    try:
        os.kill(int(lock["pid"]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _literal(path: str) -> str:
    """A path as a pattern that means itself only."""
    return "".join(f"\\{letter}" if letter in "\\*?[" else letter for letter in path)


def _lines(out: bytes) -> Iterator[dict[str, Any]]:
    for line in out.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def unread(err: bytes) -> list[str]:
    """What could not be read; what was removed meanwhile is nobody's fault."""
    found = [one for one in _lines(err) if one.get("message_type") == "error"]
    return [str(one.get("item")) for one in found if not _is_gone(one)]


def _is_gone(said: Mapping[str, Any]) -> bool:
    error, item = said.get("error"), str(said.get("item") or "")
    number = error.get("Err") if isinstance(error, dict) else None
    return number == errno.ENOENT or (bool(item) and not os.path.lexists(item))
