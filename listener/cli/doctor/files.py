"""Files that hold secrets: nobody else reads them."""

from __future__ import annotations

import re
from pathlib import Path

import anyio

from listener import settings
from listener.cli.doctor import report, scene, service

ENV_FILE = Path(".env")
READABLE_BY_OTHERS = 0o077
SECRETS = frozenset(
    name.upper()
    for name, field in settings.Settings.model_fields.items()
    if "SecretStr" in str(field.annotation) or name == "listener_secrets_key"
)
GIVEN = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=\s*\S", re.MULTILINE)


async def secret_files(_: scene.Scene) -> list[report.Line]:
    """`.env` here, and what the service's unit reads."""
    unit = await service.read()
    files = [Path(text) for text in unit.files] if unit else []
    found = [line for path in (ENV_FILE, *files) if (line := await _looked_at(path)) is not None]
    return found or [report.skipped("there are none here; settings come from the environment")]


async def _looked_at(path: Path) -> report.Line | None:
    """What there is to say of the file; None where there is none."""
    try:
        return await _mode(path)
    except FileNotFoundError:
        return None
    except OSError:
        return report.unsure(f"{path} is closed to this user", "run doctor as root")


async def _mode(path: Path) -> report.Line:
    mode = (await anyio.Path(path).stat()).st_mode & 0o777
    if not mode & READABLE_BY_OTHERS:
        return report.good(f"{path} has mode {mode:o}")
    if await _holds_none(path):
        return report.good(f"{path} holds no secret")
    return report.warning(f"{path} has mode {mode:o}: others can read the secrets in it", f"chmod 600 {path}")


async def _holds_none(path: Path) -> bool:
    """A file of settings, and no secret is among them; a file per secret is never that."""
    names = GIVEN.findall(await anyio.Path(path).read_text(errors="replace"))
    return bool(names) and path.name.upper() not in SECRETS and SECRETS.isdisjoint(map(str.upper, names))
