"""What the bot remembers of each chat: a little, for a while, in RAM."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

TURNS = 20
CHARACTERS = 12_000
SECONDS = 24 * 3600.0
CHATS = 200


@dataclass
class _Chat:
    turns: list[tuple[str, str]] = field(default_factory=list)
    touched: float = 0.0


class Memory:
    """Question and answer of the last turns of each chat; the chat that was silent longest goes first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._chats: OrderedDict[int, _Chat] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, chat: int) -> list[dict[str, str]]:
        """The chat's turns as messages for the model, oldest first."""
        with self._lock:
            known = self._chats.get(chat)
            if known is None or self._clock() - known.touched > SECONDS:
                self._chats.pop(chat, None)
                return []
            return [
                {"role": role, "content": text}
                for turn in known.turns
                for role, text in zip(("user", "assistant"), turn, strict=True)
            ]

    def keep(self, chat: int, question: str, answer: str) -> None:
        """The turn is remembered, within the bounds of this module."""
        with self._lock:
            known = self._chats.setdefault(chat, _Chat())
            room = max(0, CHARACTERS - len(question))
            known.turns = [*known.turns, (question, answer[:room])][-TURNS:]
            while known.turns and sum(len(q) + len(a) for q, a in known.turns) > CHARACTERS:
                known.turns.pop(0)
            known.touched = self._clock()
            self._chats.move_to_end(chat)
            while len(self._chats) > CHATS:
                self._chats.popitem(last=False)

    def forget(self, chat: int) -> None:
        """Nothing of the chat is remembered."""
        with self._lock:
            self._chats.pop(chat, None)
