"""What a template says about itself: `template.yaml`, read strictly and never changed afterwards."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
"""A variable's name. Coolify 4.3.10 takes `[A-Za-z_][A-Za-z0-9_.]*`; ours are upper case without dots."""

OWNED_PREFIXES = ("SERVICE_", "COOLIFY_", "LD_")
"""Coolify fills the first two by itself (parsers.php), the third belongs to the loader of every process."""

RESERVED_PREFIXES = (*OWNED_PREFIXES, "DYLD_", "PYTHON", "COMPOSE_", "DOCKER_", "NODE_")
"""No parameter begins so: all variables of a stack land in every container *and* in Compose's own `.env`."""

RESERVED = frozenset({"PATH", "HOME", "SHELL", "USER", "IFS", "ENV", "BASH_ENV", "HOSTNAME"})

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
VolumeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]*[MG]$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Words(_Strict):
    """One text in the languages people read here."""

    en: str = Field(min_length=1)
    de: str = Field(min_length=1)


class Image(_Strict):
    """A pinned image. `digest` (`sha256:…`) wins over the tag once it is known."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._/:-]*$")
    tag: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
    digest: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")
    replaced_by: str | None = None
    """The platform's setting that may name another image, in which what the template unpacks is built in."""
    is_replaced: bool = False
    """Set when the catalogue is loaded, never in a manifest; `{{ replaced.NAME }}` in the compose file."""

    def replaced(self, reference: str) -> Image:
        """The image that a setting names, `name:tag@sha256:…`; raises `ValueError` for anything else."""
        match = re.fullmatch(r"([^@]+):([^:@/]+)@(sha256:[0-9a-f]{64})", reference)
        if match is None:
            raise ValueError(f"{self.replaced_by} must be of the form name:tag@sha256:…")
        name, tag, digest = match.groups()
        return Image(name=name, tag=tag, digest=digest, replaced_by=self.replaced_by, is_replaced=True)

    @property
    def reference(self) -> str:
        """`name:tag`, with `@digest` where it is known."""
        return f"{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


class Parameter(_Strict):
    """One variable of the template. Secrecy follows from the type."""

    name: str
    type: Literal["text", "secret", "url", "integer", "boolean"]
    help: Words
    required: bool = False
    default: str | None = None
    pattern: str | None = None
    """A regular expression that the whole value matches."""
    min_length: int = Field(default=1, ge=1)
    max_length: int = Field(default=4096, ge=1, le=16384)
    """Characters, both."""
    multiline: bool = False
    aliases: tuple[str, ...] = ()
    """Other names that mean this one; the parameter's own name wins."""
    from_platform: str | None = None
    """The platform's setting that provides the value; nobody else may."""
    encoding: Literal["plain", "base64"] = "plain"
    """`base64`: carried as `<name>_B64`, for free text that Coolify's `.env` cannot hold."""
    generated: Literal["token", "password", "hex"] | None = None
    """The listener makes the value once: 43 url-safe characters, 24 letters and digits, 64 hex digits."""
    unique: bool = False
    """Its value works for one stack only: a second stack with the same one is refused."""
    stable: bool = False
    """A generated one that must not change: data that it encrypted would be lost."""
    set_by: Literal["tenant", "staff"] = "tenant"
    """`staff`: not from `config.env_vars`, only by `cloudfreedom secrets set`."""

    @property
    def is_given(self) -> bool:
        """Whether `config.env_vars` may hold it."""
        return not (self.from_platform or self.generated or self.set_by == "staff")

    @property
    def secret(self) -> bool:
        """Whether the value is never shown."""
        return self.type == "secret"

    @property
    def env_key(self) -> str:
        """The variable's name in the container."""
        return f"{self.name}_B64" if self.encoding == "base64" else self.name

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            re.compile(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in (self.name, *self.aliases):
            if not NAME.fullmatch(name) or name in RESERVED or name.startswith(RESERVED_PREFIXES):
                raise ValueError(f"{name} cannot be a variable's name")
        if self.secret and self.default is not None:
            raise ValueError(f"{self.name}: a secret has no default")
        if self.from_platform and (self.default is not None or self.aliases):
            raise ValueError(f"{self.name}: what the platform provides has neither default nor aliases")
        if self.generated and (not self.secret or self.required or self.aliases or self.from_platform):
            raise ValueError(f"{self.name}: what is generated is a secret, and nothing else says where from")
        return self


class LimitsSpec(_Strict):
    """Limits of one service: cores, memory (`256M`, `2G`; binary units), processes."""

    cpus: float = Field(gt=0, le=64)
    memory: Memory
    pids: int = Field(gt=0, le=4096)


class Service(_Strict):
    """One service of the template: its limits in each tier, and what it cannot live below."""

    limits: dict[str, LimitsSpec] = Field(min_length=1)
    """Tier to limits. A tier without an entry has no such service."""
    floor: LimitsSpec
    planned: Memory | None = None
    """Memory that it is expected to use, from which a host's real load is planned; the limit without one."""
    option: str | None = None
    """The boolean parameter that switches this service on. It is not sent to any container."""
    one_shot: bool = False
    """Runs once before the others (ownership of a volume, say) and may be root with CHOWN."""
    exempt: dict[Literal["G11", "G12"], Annotated[str, Field(min_length=10)]] = {}
    """Guard rules this service is excused from, each with the reason."""


class Volume(_Strict):
    """One named volume: whose it is, how much is promised of it, and how it is backed up."""

    service: ServiceName
    """Whose data it is: a backup is made, and the volume measured, on this service's side."""
    quota: dict[str, Memory] = {}
    """Tier to promised size (`2G`); watched, as Docker has no hard limit for local volumes."""
    backup: Literal["stop", "sqlite", "none"] = "stop"
    """`stop`: copied while its stack is stopped. `sqlite`: copied while it runs, its `databases` each at one
    moment. `none`: holds nothing that is worth it."""
    databases: tuple[str, ...] = ()
    """SQLite files in it, glob patterns from its root: `*` stays in a folder, `**/` is any number of them."""

    @model_validator(mode="after")
    def _databases_are_named(self) -> Self:
        if (self.backup == "sqlite") != bool(self.databases):
            raise ValueError("`databases` belong to backup: sqlite, which needs at least one")
        return self


class Web(_Strict):
    """The service that a domain leads to, and the port it listens on."""

    service: ServiceName
    port: int = Field(ge=1024, le=65535)
    health_path: str = Field(default="/", pattern=r"^/[!-~]{0,255}$")
    """What answers 2xx when the service does its part; asked from outside, by its domain."""


class Schedule(_Strict):
    """How a scheduled message reaches the stack: a command in one of its containers."""

    service: ServiceName
    command: str = Field(pattern=r"^[A-Za-z0-9 ._/-]*\{message\}$")
    """Run by `sh -c`; `{message}` becomes base64 of the text, in which no character means anything there."""


class Access(_Strict):
    """One way into the stack, for its owner: shown by the portal's bridge, never on the record."""

    title: Words
    path: str = Field(default="/", pattern=r"^/[!-~]{0,255}$")
    """Below the stack's domain."""
    user: str | None = None
    """The parameter that holds the name to sign in with."""
    secret: str | None = None
    """The parameter that holds the password or token."""


class Health(_Strict):
    """Whether the containers can tell their health, and how long a deploy may take (seconds)."""

    known: bool
    deadline: int = Field(ge=30, le=3600)
    start_period: int = Field(default=30, ge=5, le=600)
    """Until a start may count as failed; `{{ health.start_period }}` in the compose file."""


class Manifest(_Strict):
    """The whole `template.yaml`."""

    slug: Slug
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: Words
    description: Words
    images: dict[str, Image] = Field(min_length=1)
    parameters: tuple[Parameter, ...] = ()
    ignored: tuple[str, ...] = ()
    """Names that are accepted, have no effect, and leave a note."""
    services: dict[ServiceName, Service] = Field(min_length=1, max_length=4)
    volumes: dict[VolumeName, Volume] = {}
    bundles: dict[str, str] = {}
    """Environment key to a file or folder of the template, delivered packed and base64-coded."""
    web: Web | None = None
    access: tuple[Access, ...] = ()
    schedule: Schedule | None = None
    """None: rows of `stack_schedules` have no effect on its stacks."""
    health: Health
    notes: Words | None = None
    """What an operator should know."""
    withdrawn: bool = False
    """No new stack is made of it; those that are there go on."""
    sample: dict[str, str]
    """A worked example of `config.env_vars`: documentation and test input at once."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = [name for p in self.parameters for name in (p.name, *p.aliases)] + list(self.ignored)
        carried = [p.env_key for p in self.parameters] + list(self.bundles)
        for names in (given, carried):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"used twice: {', '.join(twice)}")
        for key in self.bundles:
            if not NAME.fullmatch(key) or key.startswith(RESERVED_PREFIXES):
                raise ValueError(f"{key} cannot be a bundle's name")
        switches = {p.name for p in self.parameters if p.type == "boolean" and not p.from_platform}
        for name, service in self.services.items():
            if service.option is not None and service.option not in switches:
                raise ValueError(f"services.{name}.option {service.option} is not a boolean parameter")
        return self

    @model_validator(mode="after")
    def _names_services(self) -> Self:
        places: dict[str, Web | Schedule | Volume | None]
        places = {"web.service": self.web, "schedule.service": self.schedule}
        places |= {f"volumes.{name}.service": volume for name, volume in self.volumes.items()}
        for place, one in places.items():
            if one is not None and one.service not in self.services:
                raise ValueError(f"{place} {one.service} is not one of the services")
        names = {parameter.name for parameter in self.parameters}
        unknown = {name for one in self.access for name in (one.user, one.secret) if name} - names
        if unknown:
            raise ValueError(f"access names {', '.join(sorted(unknown))}, which is no parameter")
        return self

    @property
    def options(self) -> frozenset[str]:
        """Names of the parameters that switch services on."""
        return frozenset(service.option for service in self.services.values() if service.option)
