"""Records as the last sweep read them: good for one look that finds nothing to do, and for nothing else.

After a start every stack is looked at, and the sweep has just read all of them; to read each again by itself
would take longer than everything else. What has an effect is decided from a record that was read for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers import records


@dataclass(frozen=True, slots=True)
class Swept:
    """A stack's row, and its tenant, as listed."""

    row: Mapping[str, Any]
    tenant: records.TenantRecord


@dataclass(slots=True)
class SweptRows:
    """By record, what was listed and not heard of since the lists were asked for; each is given out once."""

    _rows: dict[str, tuple[str, records.TenantRecord]] = field(default_factory=dict)
    _heard: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Lists are asked for now: what was listed before is forgotten."""
        self._rows.clear()
        self._heard.clear()

    def keep(self, row: Mapping[str, Any], tenant: records.TenantRecord | None) -> None:
        """The lists say this of a stack; as text, which is a fifth of the size."""
        if tenant is not None:
            self._rows[row["id"]] = (json.dumps(row), tenant)

    def heard(self, record_id: str) -> None:
        """This stack or tenant may be another than the lists say."""
        self._heard.add(record_id)

    def take(self, record_id: str) -> Swept | None:
        """The row, if it was listed, was not taken so far, and nothing was heard of it or its tenant."""
        text, tenant = self._rows.pop(record_id, ("", None))
        if tenant is None or not self._heard.isdisjoint((record_id, tenant.id)):
            return None
        return Swept(json.loads(text), tenant)
