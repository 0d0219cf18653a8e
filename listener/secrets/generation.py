"""Making secrets, from the system's own source of randomness."""

from __future__ import annotations

import secrets
import string

LETTERS_AND_DIGITS = string.ascii_letters + string.digits
PASSWORD_LENGTH = 24
BYTES = 32


def made(kind: str) -> str:
    """A new value: `token` 43 url-safe characters, `hex` 64 digits, `password` 24 letters and digits.

    Each has more than 140 bits, and no character that Coolify or Compose treats in a special way.
    """
    match kind:
        case "token":
            # One that began with "-" could be taken for an option by a program.
            return secrets.choice(LETTERS_AND_DIGITS) + secrets.token_urlsafe(BYTES)[1:]
        case "hex":
            return secrets.token_hex(BYTES)
        case "password":
            return "".join(secrets.choice(LETTERS_AND_DIGITS) for _ in range(PASSWORD_LENGTH))
        case _:
            raise ValueError(f"no way to make a {kind}")
