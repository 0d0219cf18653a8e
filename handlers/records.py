"""Records as PocketBase holds them, read leniently: spec fields apart from display fields.

A missing, null or odd field never raises here: whoever edits records may be a person, and one bad record
must not hurt the others. What a value means is decided later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

TENANTS = "tenants"
STACKS = "agent_stacks"
RETENTION_DAYS = 30
"""Days a deleted stack's data is kept when its tier does not say."""

STACK_DISPLAY = (
    "status",
    "health",
    "message",
    "error_message",
    "coolify_project_uuid",
    "coolify_service_uuid",
    "coolify_server_uuid",
    "template_version",
    "last_deploy",
    "last_health_check",
    "purge_after",
)
"""Fields of a stack that only the listener writes; nothing in `decide` reads them but first contact."""
TENANT_DISPLAY = ("coolify_project_uuid", "listener_status", "listener_message")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    display: Mapping[str, Any] = Field(default_factory=dict, repr=False)

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value

    def edition(self) -> int:
        """Another number after every edit of what a person may set."""
        return hash(self.model_dump_json(exclude={"display"}))


class StackRecord(_Record):
    """One row of `agent_stacks`. `config` and `resource_limits` are whatever JSON stands there."""

    tenant_id: str = ""
    template: str = ""
    stack_name: str = ""
    domain: str = ""
    config: Any = Field(default=None, repr=False)
    resource_limits: Any = None
    desired_state: str = ""
    action: str = ""
    hold: str = ""

    def spec(self) -> dict[str, Any]:
        """What a tombstone must hold to bring the record back; secrets included, so it is sealed."""
        return self.model_dump(exclude={"display"})


class TenantRecord(_Record):
    """One row of `tenants`."""

    name: str = ""
    slug: str = ""
    status: str = ""
    plan_tier: str = ""
    server: str = ""
    hold: str = ""

    @property
    def is_active(self) -> bool:
        """Its stacks may run."""
        return self.status == "active" and not self.hold

    @property
    def tier(self) -> str:
        """The tier's id; empty on the record means starter."""
        return self.plan_tier or "starter"


class Tier(_Record):
    """One row of `plan_tiers`; 0 means not set in every number."""

    title: str = ""
    max_stacks: int = 0
    retention_days: int = 0
    limits: Any = None
    dedicated: bool = False


def stack(row: Mapping[str, Any]) -> StackRecord:
    """A stack from its row."""
    display = {name: row.get(name) for name in STACK_DISPLAY}
    return StackRecord.model_validate({**row, "display": display})


def tenant(row: Mapping[str, Any]) -> TenantRecord:
    """A tenant from its row."""
    display = {name: row.get(name) for name in TENANT_DISPLAY}
    return TenantRecord.model_validate({**row, "display": display})


def tier(row: Mapping[str, Any]) -> Tier:
    """A tier from its row."""
    return Tier.model_validate(row)
