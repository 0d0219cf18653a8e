"""Which versions of Coolify are spoken with. Data, not code: extended when another was tried."""

from __future__ import annotations

import re

FLOOR = (4, 2, 0)
"""Older ones answer differently: GET for actions, no logs, no service applications."""
TESTED = ((4, 2, 0), (4, 3, 10))
"""First and last version whose answers were read or recorded."""


def parse(text: str) -> tuple[int, int, int] | None:
    """Major, minor, patch of a version text; None when it is not one (a beta, a proxy page)."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
