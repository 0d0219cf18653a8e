"""What Coolify's start and stop do on a host, done with the real programs on what Coolify makes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.compose.composer import Compose
from tests.docker_host import IMAGE, DockerHost


@dataclass(frozen=True)
class Deployed:
    """One service of Coolify; `document` is its parsed compose."""

    host: DockerHost
    compose: Compose
    folder: Path
    uuid: str
    document: Mapping[str, Any]

    def up(self) -> None:
        """Its containers run, made anew; the network `<uuid>` is there (Coolify: StartService)."""
        self.host.run("network", "create", "--attachable", self.uuid, check=False)
        file = self.folder / "docker-compose.yml"
        file.write_text(json.dumps(self.document))
        (self.folder / ".env").write_text("".join(f"{name}=x\n" for name in self._references()))
        words = (
            "--project-name",
            self.uuid,
            "-f",
            str(file),
            "up",
            "-d",
            "--force-recreate",
            "--remove-orphans",
        )
        done = subprocess.run(
            [*self.compose.command, *words], env=self.host.env, cwd=self.folder,
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def down(self) -> None:
        """Its containers are gone; volumes and network stay (Coolify: StopService)."""
        label = f"label=com.docker.compose.project={self.uuid}"
        if found := self.host.run("ps", "--all", "--quiet", "--filter", label).stdout.split():
            self.host.run("stop", "--time", "30", *found)
            self.host.run("rm", "--force", *found)

    def container(self, service: str) -> str:
        """The name of its container."""
        return f"{service}-{self.uuid}"

    def inside(self, service: str, script: str) -> str:
        """What the script said in the container."""
        return self.host.run("exec", self.container(service), "sh", "-c", script).stdout

    def _references(self) -> set[str]:
        values = [
            v for one in self.document["services"].values() for v in one.get("environment", {}).values()
        ]
        return {str(value)[2:-1] for value in values if str(value).startswith("${")}


def stood_for(document: Mapping[str, Any], compose: Compose, **entrypoints: list[str]) -> dict[str, Any]:
    """The document with busybox in every image's place.

    Services that end by themselves do what they do; each other runs what is named here, or sleeps, and is
    healthy. All else stays, but for what an old Compose does not know.
    """
    made: dict[str, Any] = json.loads(json.dumps(document))
    for name, one in made["services"].items():
        one["image"] = IMAGE
        if one["restart"] != "no":
            one.pop("command", None)
            one["entrypoint"] = entrypoints.get(name, ["sleep", "1000"])
        if "healthcheck" in one:
            one["healthcheck"] |= {"test": ["CMD", "true"], "interval": "1s"}
        if compose.is_first:
            one["pids_limit"] = one["deploy"]["resources"]["limits"].pop("pids")
    return made
