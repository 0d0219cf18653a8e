"""Everything that can be configured: environment, `.env`, or a systemd credential (a file per secret).

Each field's docstring says unit, default and why. All mistakes are told at once, each with an example.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from listener import contract, errors
from listener.dns import servers
from listener.probe import address

OFF = "off"
"""Value of a setting that switches something off."""


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Comma-separated in the environment."""


class Settings(BaseSettings):
    """The listener's settings. Names are those of the environment, in upper case."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        case_sensitive=False,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    pocketbase_url: Listed = Field(examples=["https://pb.example.org"])
    """PocketBase's address, or several comma-separated: the first that proves our identity wins."""
    pocketbase_identity: str = Field(default="listener", examples=["listener"])
    """Name of the service account in the collection `listeners`."""
    pocketbase_password: SecretStr | None = Field(default=None, examples=["a long random text"])
    """Its password; or give POCKETBASE_TOKEN."""
    pocketbase_token: SecretStr | None = Field(default=None, examples=["a token of the collection listeners"])
    """A token of the collection `listeners`, instead of the password."""
    pocketbase_ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of PocketBase, if it is a private one."""
    pocketbase_superuser_email: str = Field(default="", examples=["admin@example.org"])
    """Only for `schema` and `sandbox`."""
    pocketbase_superuser_password: SecretStr | None = Field(
        default=None, examples=["the superuser's password"]
    )
    """Only for `schema` and `sandbox`."""
    coolify_url: str = Field(examples=["https://coolify.example.org"])
    """Coolify's address, without /api/v1."""
    coolify_token: SecretStr = Field(examples=["1|made in Keys & Tokens with read, write and deploy"])
    """API token with the abilities read, write and deploy, of a user of its own: the limit is per user."""
    coolify_server_uuid: str = Field(examples=["the uuid in the address of the server's page"])
    """The server on which stacks are created unless their tenant has its own."""
    coolify_destination_uuid: str = Field(default="", examples=["the uuid of a destination of that server"])
    """Needed only when that server has several destinations."""
    coolify_environment: str = Field(default="production", examples=["production"])
    """Environment inside each project; Coolify makes `production` by itself."""
    coolify_ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of Coolify, if it is a private one."""
    router_base_url: str = Field(default="", examples=["https://router.example.org/v1"])
    """The CloudFreedom Router's OpenAI-compatible address, given to templates."""
    telegram_api_base: str = Field(default="", examples=["https://api.telegram.org"])
    """Bot API for telegram-bot stacks, when it is not Telegram's own."""
    telegram_bot_image: str = Field(default="", examples=["ghcr.io/example/telegram-bot:1.0.0@sha256:…"])
    """An image with the bot at /opt/bot.zip for telegram-bot stacks, by digest; empty = Python's own image,
    into which the bot is unpacked."""
    platform_domain: str = Field(default="", examples=["apps.example.org"])
    """Domain under which tenants have host names, `….<slug>.<domain>`; it is reserved itself."""
    platform_reserved: Listed = Field(default=(), examples=["coolify.example.org,pb.example.org"])
    """Host names that no stack may have, comma-separated."""
    platform_addresses: Listed = Field(default=(), examples=["203.0.113.7,2001:db8::7"])
    """Where tenants' own domains must lead for stacks on COOLIFY_SERVER_UUID, comma-separated IP addresses or
    host names; empty = to the server's address in Coolify."""
    listener_dns: Listed = Field(default=(), examples=["203.0.113.53,203.0.113.54"])
    """Resolvers that are asked for the proof of own domains, comma-separated `ip` or `ip:port`; empty = the
    system's, `off` = own domains need no proof."""
    listener_probe_address: str = Field(default="", examples=["203.0.113.7:443"])
    """Where the proxy of COOLIFY_SERVER_UUID is asked for stacks' domains; empty = at the server's address in
    Coolify, `off` = nobody asks."""
    listener_http: str = Field(default="127.0.0.1:9180", examples=["127.0.0.1:9180"])
    """Where /healthz, /readyz and /metrics answer; `off` = nowhere."""
    listener_portal_http: str = Field(default="", pattern=r"^$|:\d{1,5}$", examples=["127.0.0.1:9181"])
    """Where the bridge answers the existing portal's calls; empty = off."""
    listener_portal_origins: Listed = Field(default=(), examples=["https://portal.example.org"])
    """Origins whose pages may call the bridge (CORS), comma-separated."""
    listener_workers: int = Field(default=8, ge=1, le=64, examples=[8])
    """Keys worked on at once; more than 16 makes the client slower."""
    listener_beat_seconds: float = Field(default=5.0, gt=0, examples=[5])
    """Seconds between two renewals of the lease, which are the heartbeat of the stream."""
    listener_resync_seconds: float = Field(default=300.0, gt=0, examples=[300])
    """Seconds between two full sweeps of PocketBase."""
    listener_poll_seconds: float = Field(default=60.0, gt=0, examples=[60])
    """Seconds between two lists of Coolify while nothing is in flight."""
    listener_confirm_seconds: float = Field(default=150.0, gt=0, examples=[150])
    """Seconds for which `exited` must stand before a stop is believed (two push intervals of Coolify)."""
    listener_settle_seconds: float = Field(default=90.0, gt=0, examples=[90])
    """Seconds after an ambiguous create in which nothing is created (create time-out 30 s + 60 s)."""
    listener_log: Literal["json", "console"] = Field(default="json", examples=["json"])
    """Form of the log on standard output."""
    listener_language: Literal["en", "de"] = Field(default="en", examples=["de"])
    """Language of messages on records."""
    listener_tz: str = Field(default="UTC", examples=["Europe/Berlin"])
    """Time zone of times in messages on records."""
    listener_observe_only: bool = Field(default=False, examples=[True])
    """Look and plan, but have no effect."""
    listener_state_dir: Path = Field(
        default=Path("/var/lib/cloudfreedom"), examples=["/var/lib/cloudfreedom"]
    )
    """Small local state: the host lock, by which a restart takes over at once."""
    listener_rollout: int = Field(default=2, ge=1, le=100, examples=[2])
    """Stacks that get new limits of their tariff at a time; of one tenant one at a time."""
    listener_disk_file: Path = Field(
        default=Path("/run/cloudfreedom/disk.json"), examples=["/run/cloudfreedom/disk.json"]
    )
    """Where `cloudfreedom measure-disk` leaves how full the host is; without it no disk is promised twice."""
    listener_docker_file: Path = Field(
        default=Path("/run/cloudfreedom-docker/containers.json"),
        examples=["/run/cloudfreedom-docker/containers.json"],
    )
    """Where `cloudfreedom dockerwatch` leaves which containers ended; without it no memory kill is told."""
    alert_urls: SecretStr = Field(default=SecretStr(""), examples=["https://hooks.example.org/alerts"])
    """Where alerts go, comma-separated: `https://…` gets a JSON document, any other scheme is Apprise's."""
    alert_heartbeat_url: SecretStr = Field(
        default=SecretStr(""), examples=["https://watch.example.org/ping/listener"]
    )
    """Asked every minute while this listener leads and its sweeps are fresh: whoever watches it notices when
    that ends; empty = nobody does."""
    alert_sender: str = Field(default="CloudFreedom", examples=["CloudFreedom Berlin"])
    """How alerts name this installation."""
    backup_repository: SecretStr = Field(
        default=SecretStr(""), examples=["s3:https://s3.example.org/backups"]
    )
    """restic's repository for copies of volumes, in restic's own form; empty = none are made."""
    backup_password: SecretStr = Field(default=SecretStr(""), examples=["a long random text"])
    """Encrypts that repository. Without it nobody can read the backups: keep a copy off the host."""
    backup_env_file: Path | None = Field(default=None, examples=["/etc/cloudfreedom/backup.env"])
    """A file of variables for restic, one NAME=value a line, such as AWS_ACCESS_KEY_ID."""
    backup_state_dir: Path = Field(
        default=Path("/var/lib/cloudfreedom-backup"), examples=["/var/lib/cloudfreedom-backup"]
    )
    """What must outlive a backup that broke off, restic's cache, and the folder for drills."""
    listener_secrets_key: Listed = Field(
        default=(), repr=False, examples=["output of `cloudfreedom init --key`"]
    )
    """Fernet keys, comma-separated; the first seals, all open. Without one nothing starts (exit 78)."""
    templates_dir: Path | None = Field(default=None, examples=["/etc/cloudfreedom/templates"])
    """A folder with further templates; one of the same name wins over ours."""
    templates_require_digest: bool = Field(default=False, examples=[True])
    """Refuse to start with a template whose images have no digest; set it in production."""

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        """In a credential's file as in the environment."""
        return {name: value for name, value in values.items() if value != ""}

    @field_validator("coolify_url")
    @classmethod
    def _no_api(cls, value: str) -> str:
        return value.rstrip("/").removesuffix("/api/v1").rstrip("/")

    @field_validator("pocketbase_identity")
    @classmethod
    def _leads(cls, value: str) -> str:
        if value == "cli":
            raise ValueError("the command line's account may never hold the lease")
        return value

    @field_validator("listener_probe_address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value not in ("", OFF):
            try:
                address.chosen(value)
            except errors.Refusal as refusal:
                raise ValueError(refusal.why) from refusal
        return value

    @field_validator("platform_domain")
    @classmethod
    def _host_name(cls, value: str) -> str:
        name = value.strip().strip(".").lower()
        if name and not address.is_name(name):
            raise ValueError("it must be a host name, without wildcard, port or path")
        return name

    @field_validator("platform_addresses")
    @classmethod
    def _doors(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.lower() for name in value)
        if not all(address.is_name(name) or address.is_ip(name) for name in names):
            raise ValueError("each must be an IP address or a host name, without port")
        return names

    @field_validator("listener_dns")
    @classmethod
    def _resolvers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            [servers.chosen(text) for text in value if value != (OFF,)]
        except errors.Refusal as refusal:
            raise ValueError(refusal.why) from refusal
        return value

    @field_validator("listener_tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("not a time zone known here") from error
        return value

    @field_validator("listener_secrets_key")
    @classmethod
    def _fernet(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for key in value:
            try:
                Fernet(key.encode())
            except ValueError as error:
                raise ValueError("not a Fernet key") from error
        return value

    def platform(self) -> dict[str, str]:
        """Values that the platform provides to templates."""
        given = {
            "ROUTER_BASE_URL": self.router_base_url,
            "PLATFORM_DOMAIN": self.platform_domain,
            "TELEGRAM_API_BASE": self.telegram_api_base,
            "TELEGRAM_BOT_IMAGE": self.telegram_bot_image,
        }
        return {name: value for name, value in given.items() if value}

    def alert_addresses(self) -> tuple[str, ...]:
        """Where alerts go."""
        listed = self.alert_urls.get_secret_value().split(",")
        return tuple(url.strip() for url in listed if url.strip())

    def reserved(self) -> tuple[str, ...]:
        """Host names that no stack may have, lower case."""
        names = (*self.platform_reserved, self.platform_domain)
        return tuple(name.lower() for name in names if name)

    def resolvers(self) -> tuple[servers.Server, ...] | None:
        """Who is asked for the proof of own domains, empty = the system's; None when they need none."""
        if self.listener_dns == (OFF,):
            return None
        return tuple(servers.chosen(text) for text in self.listener_dns)

    def waits(self) -> contract.Waits:
        """The product's waits with what is configured."""
        return contract.Waits(
            beat=self.listener_beat_seconds,
            resync=self.listener_resync_seconds,
            poll=self.listener_poll_seconds,
            confirm=self.listener_confirm_seconds,
            settle=self.listener_settle_seconds,
        )
