"""Text as Telegram counts it: in UTF-16 units, of which a character has one or two."""

from __future__ import annotations

LONGEST = 4096
"""Units of one message."""


def whole(text: str) -> str:
    """The text with halves of characters joined (a stream may cut between them) and lone halves replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def length(text: str) -> int:
    """Its units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str) -> list[str]:
    """The text in parts that fit into one message each, cut at a line or a blank where there is one."""
    parts = []
    while length(text) > LONGEST:
        end = min(len(text), LONGEST)
        while (excess := length(text[:end]) - LONGEST) > 0:
            end -= max(1, excess // 2)
        cut = max(text.rfind("\n", end // 2, end), text.rfind(" ", end // 2, end))
        end = cut if cut > 0 else end
        parts.append(text[:end])
        text = text[end:].lstrip()
    return [part for part in [*parts, text] if part.strip()] or [text]
