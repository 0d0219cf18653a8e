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
    INTERRUPTED = 130
    """Ctrl-C."""


CONFIGURATION_CODES = (
    "CONFIGURATION",
    "SECRETS_KEY_MISSING",
    "STATE_DIR_UNUSABLE",
    "ADDRESS_IN_USE",
    "SCHEMA_TOO_OLD",
    "LEDGER_TOO_NEW",
)
USAGE_CODES = ("CONFIRMATION_NEEDED", "CONTAINER_NEEDED", "REASON_UNFIT", "TERMINAL_NEEDED")


def code_of(error: errors.ListenerError) -> Exit:
    """The exit code that an error means."""
    if error.code in CONFIGURATION_CODES:
        return Exit.CONFIGURATION
    if error.code in USAGE_CODES:
        return Exit.USAGE
    match error:
        case errors.Global():
            return Exit.CREDENTIALS
        case errors.Transient() | errors.Throttled():
            return Exit.UNAVAILABLE
        case errors.Refusal():
            return Exit.REFUSED
        case _:
            return Exit.FAILED


def told(failure: BaseException) -> Exit | None:
    """The exit code of a failure that was meant for people, printed if there is something to say.

    None for a bug: that deserves its traceback. A group of task errors is what its first error is.
    """
    match failure:
        case errors.ListenerError():
            return tell(failure)
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case BaseExceptionGroup():
            return next((code for inner in failure.exceptions if (code := told(inner)) is not None), None)
        case _:
            return None


def tell(error: errors.ListenerError) -> Exit:
    """Print what failed, why, and what to do, to standard error; the exit code."""
    message = error.message if isinstance(error, errors.Refusal) else error.what
    print(f"error {error.code}: {message}", file=sys.stderr)
    why = error.why or (error.what if error.what != message else "")
    if why:
        print(f"  why: {why}", file=sys.stderr)
    if error.fix:
        print(f"  fix: {error.fix}", file=sys.stderr)
    return code_of(error)
