"""What went wrong with restic, in our words: read out of its exit code and its standard error."""

from __future__ import annotations

import errno

from listener import errors

LONGEST = 300
"""Characters of restic's own words that are told."""


class Locked(errors.UpstreamUnavailable):
    """Another restic holds the repository, or one that died did."""


def of(words: str, code: int) -> errors.ListenerError:
    """The error for what restic (0.14 and later) said; `words` must hold no secret any more."""
    said = words.lower()
    if "wrong password" in said or "no key found" in said:
        return errors.Global(
            "BACKUP_PASSWORD_WRONG",
            "the repository of the backups does not open",
            why="BACKUP_PASSWORD is not its password",
            fix="give the password that it was made with; without it nobody can read the backups",
        )
    if "already locked" in said:
        return Locked(
            "BACKUP_REPOSITORY_LOCKED",
            "the repository of the backups is in use",
            why=_last(words),
            fix="wait for the other one; if its host is gone for good: `restic unlock` by hand",
        )
    if "no space left" in said or "quota exceeded" in said:
        return errors.Terminal(
            "BACKUP_DISK_FULL",
            "there is no room left",
            why=_last(words),
            fix="free some on the disk that is named, or in the repository: `cloudfreedom backup prune`",
        )
    if "unable to open config file" in said or "is there a repository" in said:
        return errors.UpstreamUnavailable(
            "BACKUP_REPOSITORY_MISSING",
            "the repository of the backups cannot be reached",
            why=_last(words),
            fix="is it mounted, and BACKUP_REPOSITORY right? a new one is made by `cloudfreedom backup init`",
        )
    return errors.Terminal(
        "BACKUP_RESTIC_FAILED",
        f"restic ended with {code}",
        why=_last(words),
        fix="what restic says; then run it again: a run that broke off left nothing that is in the way",
    )


def of_disk(error: OSError) -> errors.ListenerError:
    """What the disk of the volumes said, as restic would say it."""
    words = f"{error.strerror}: {error.filename}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return of(f"no space left on device ({words})", 0)
    return errors.Terminal(
        "BACKUP_INCOMPLETE",
        "the volumes cannot be read or written beside",
        why=words,
        fix="run it as root on the host of the volumes; is the disk sound?",
    )


def missing() -> errors.Refusal:
    """restic is not installed."""
    return errors.Refusal(
        "BACKUP_RESTIC_MISSING",
        "restic is not installed here.",
        why="it makes and reads the backups",
        fix="apt-get install restic (0.14 or later)",
    )


def _last(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return " / ".join(lines[-2:])[-LONGEST:]
