"""Records as PocketBase holds them, read leniently: spec fields apart from display fields.

A missing, null or odd field never raises here: whoever edits records may be a person, and one bad record
must not hurt the others. What a value means is decided later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

TENANTS = "tenants"
STACKS = "agent_stacks"
RETENTION_DAYS = 30
"""Days a deleted stack's data is kept when its tier does not say."""
BACKUP_DAYS = 30
"""Days a copy of a stack's data is kept when its tier does not say."""

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
    "last_backup",
    "last_backup_info",
    "purge_after",
)
"""Fields of a stack that only the listener writes; nothing in `decide` reads them but first contact."""
TENANT_DISPLAY = ("coolify_project_uuid", "listener_status", "listener_message")
SYSTEM = ("collectionId", "collectionName", "created", "updated", "expand")
"""What PocketBase adds to every row by itself."""


def _number(value: Any) -> float:
    """A number that a person typed; what is none, or negative, counts as not set."""
    return value if isinstance(value, int | float) and 0 < value < 1e12 else 0


Count = Annotated[int, BeforeValidator(lambda value: int(_number(value)))]
Amount = Annotated[float, BeforeValidator(lambda value: float(_number(value)))]


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
    created: str = Field(default="", exclude=True)
    """Who comes first; empty on rows older than the field, which so are the oldest."""

    def spec(self) -> dict[str, Any]:
        """What must be kept to bring the record back; secrets included, so it is sealed."""
        return self.model_dump(exclude={"display", "action"})


class TenantRecord(_Record):
    """One row of `tenants`."""

    name: str = ""
    slug: str = ""
    status: str = ""
    plan_tier: str = ""
    max_stacks: Count = 0
    server: str = ""
    hold: str = ""
    whole: Mapping[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    """Every field that is not PocketBase's own or the listener's: what must be kept to bring it back."""
    created: str = Field(default="", exclude=True)

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
    max_stacks: Count = 0
    memory_pool_mb: Count = 0
    cpu_pool: Amount = 0.0
    max_domains: Count = 0
    retention_days: Count = 0
    limits: Any = None
    priority: Count = 0
    dedicated: bool = False
    backups: bool = False
    backup_days: Count = 0


class ServerRecord(_Record):
    """One row of `servers`; 0 means not set in every number."""

    uuid: str = ""
    name: str = ""
    is_default: bool = False
    dedicated_to: str = ""
    cpus: Amount = 0.0
    memory_mb: Count = 0
    disk_gb: Amount = 0.0
    reserve_cpus: Amount = 0.0
    reserve_memory_mb: Count = 0
    reserve_disk_gb: Amount = 0.0
    cpu_overcommit: Amount = 0.0
    memory_overcommit: Amount = 0.0
    disk_overcommit: Amount = 0.0
    foreign_memory_mb: Count = 0
    drain: bool = False
    tiers: Any = None


def stack(row: Mapping[str, Any]) -> StackRecord:
    """A stack from its row."""
    display = {name: row.get(name) for name in STACK_DISPLAY}
    return StackRecord.model_validate({**row, "display": display})


def tenant(row: Mapping[str, Any]) -> TenantRecord:
    """A tenant from its row."""
    display = {name: row.get(name) for name in TENANT_DISPLAY}
    whole = {name: value for name, value in row.items() if name not in (*TENANT_DISPLAY, *SYSTEM)}
    return TenantRecord.model_validate({**row, "display": display, "whole": whole})


def tier(row: Mapping[str, Any]) -> Tier:
    """A tier from its row."""
    return Tier.model_validate(row)


def server(row: Mapping[str, Any]) -> ServerRecord:
    """A server from its row."""
    return ServerRecord.model_validate(row)
