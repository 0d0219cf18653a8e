"""Exit codes as a contract, and how an error becomes three readable lines."""

from __future__ import annotations

import sys
from enum import IntEnum

from listener import errors


class Exit(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    """Wrong use, or (with `--detailed-exitcode`) changes pending."""
    REFUSED = 3
    """Refused by a guard, a quota or a check of ours."""
    UNAVAILABLE = 69
    """An upstream cannot be reached."""
    CREDENTIALS = 77
    """An upstream refuses our credentials or abilities."""
    CONFIGURATION = 78


CONFIGURATION_CODES = ("CONFIGURATION", "SECRETS_KEY_MISSING", "STATE_DIR_UNUSABLE", "ADDRESS_IN_USE")


def code_of(error: errors.ListenerError) -> Exit:
    """The exit code that an error means."""
    if error.code in CONFIGURATION_CODES:
        return Exit.CONFIGURATION
    match error:
        case errors.Global():
            return Exit.CREDENTIALS
        case errors.Transient() | errors.Throttled():
            return Exit.UNAVAILABLE
        case errors.Refusal():
            return Exit.REFUSED
        case _:
            return Exit.FAILED


def tell(error: errors.ListenerError) -> Exit:
    """Print what failed, why, and what to do, to standard error; the exit code."""
    message = error.message if isinstance(error, errors.Refusal) else error.what
    print(f"error {error.code}: {message}", file=sys.stderr)
    if error.why:
        print(f"  why: {error.why}", file=sys.stderr)
    if error.fix:
        print(f"  fix: {error.fix}", file=sys.stderr)
    return code_of(error)
