"""Sealing what must rest in PocketBase and is nobody's to read there."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from listener import errors


class Sealer:
    """Seals with the first key, opens with any: a new first key rotates without a gap."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise errors.Refusal(
                "SECRETS_KEY_MISSING",
                "LISTENER_SECRETS_KEY is not set.",
                what="there is no key to seal secrets with",
                why="the last spec of a stack holds secrets and must not rest in the open",
                fix="make one with `cloudfreedom init --key` and keep a copy off this host",
            )
        fernets = [Fernet(key.encode()) for key in keys]
        self._first = fernets[0]
        self._fernet = MultiFernet(fernets)

    def seal(self, text: str) -> str:
        """The text, readable only with one of the keys."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def is_current(self, sealed: str) -> bool:
        """The first key sealed it: the others are not needed for it."""
        try:
            self._first.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def open(self, sealed: str) -> str:
        """The text of a seal; raises `SEAL_BROKEN` when none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise errors.Refusal(
                "SEAL_BROKEN",
                "A sealed value cannot be opened.",
                why="it was sealed with a key that is not in LISTENER_SECRETS_KEY, or it was changed",
                fix="add the former key behind the first in LISTENER_SECRETS_KEY",
            ) from error


def new_key() -> str:
    """A new Fernet key."""
    return Fernet.generate_key().decode("ascii")
