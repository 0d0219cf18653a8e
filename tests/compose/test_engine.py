"""A real engine takes what the guard accepts, and holds a container to it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from listener.compose import catalog, limits, render
from listener.sandbox import standin
from listener.sandbox.standin import yamlish
from tests.compose.composer import Compose, compose
from tests.contract.stand import encoded
from tests.deployed import Deployed, stood_for
from tests.docker_host import IMAGE, DockerHost

from .conftest import TEMPLATES, found

__all__ = ["compose"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
STATUS = re.compile(r"^(CapBnd|CapEff|NoNewPrivs|Seccomp):\s+(\w+)$", re.MULTILINE)
SHOP = catalog.Catalog.load(catalog.default_folder(), TEMPLATES)


async def coolified(document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The uuid, and the document that Coolify makes of it for the host."""
    server = standin.StandIn(server_uuid="fake-server")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(server.app), base_url="http://standin/api/v1",
        headers={"Authorization": f"Bearer {server.token}"},
    ) as http:  # fmt: skip
        project = (await http.post("/projects", json={"name": "acme"})).json()["uuid"]
        body = {"project_uuid": project, "server_uuid": "fake-server", "environment_name": "production"}
        made = await http.post(
            "/services", json={**body, "docker_compose_raw": encoded(document), "name": "chat"}
        )
        uuid = str(made.json()["uuid"])
        (service,) = server.world.services
    return uuid, yamlish.load(service.compose or "")


def allowed(host: DockerHost, one: dict[str, Any], name: str) -> None:
    """The engine keeps this container to what its document says."""
    seen = host.inspect(name)
    config, given = seen["HostConfig"], one["deploy"]["resources"]["limits"]
    memory = limits.megabytes(given["memory"], name) * 1024 * 1024
    assert (config["Memory"], config["MemorySwap"]) == (memory, memory)
    assert config["NanoCpus"] == int(float(given["cpus"]) * 1e9)
    assert config["PidsLimit"] == (one.get("pids_limit") or given["pids"])
    assert (config["ReadonlyRootfs"], config["Privileged"], config["CapDrop"]) == (True, False, ["ALL"])
    assert (config["CapAdd"] or []) == one.get("cap_add", [])
    assert config["LogConfig"] == {"Type": "json-file", "Config": one["logging"]["options"]}
    assert config["RestartPolicy"]["Name"] == one["restart"]
    assert set(config.get("Tmpfs") or {}) == {mount.split(":")[0] for mount in one.get("tmpfs", ())}


def confined(service: Deployed, name: str, one: dict[str, Any], *, seccomp: bool) -> None:
    """What runs in the container can do no more than that."""
    status = dict(STATUS.findall(service.inside(name, "cat /proc/self/status")))
    assert (int(status["CapBnd"], 16), int(status["CapEff"], 16), status["NoNewPrivs"]) == (0, 0, "1")
    assert status["Seccomp"] == ("2" if seccomp else "0")
    assert service.inside(name, "id -u").strip() == one["user"].split(":")[0] != "0"
    assert "Read-only" in service.inside(name, "touch /root-is-written 2>&1 || true")
    for mount in one.get("tmpfs", ()):
        where = mount.split(":")[0]
        flags = service.inside(name, f"grep ' {where} ' /proc/mounts")
        assert all(flag in flags for flag in ("noexec", "nosuid", "nodev", "size=")), flags
    for volume in one.get("volumes", ()):
        where = str(volume).split(":")[1]
        assert service.inside(name, f"echo kept >{where}/proof && cat {where}/proof") == "kept\n"


@pytest.mark.parametrize("slug", SHOP.slugs())
async def test_a_template_runs_as_confined_as_it_says(
    docker_host: DockerHost, compose: Compose, tmp_path: Path, slug: str
) -> None:
    """Its largest order, as Coolify starts it, with busybox for images; `init-perms` is itself."""
    subject = found(SHOP, slug)
    *_, largest = catalog.trials(subject.manifest)
    uuid, parsed = await coolified(render.render(subject, context=largest.context()).document)
    made = stood_for(parsed, compose)
    for one in made["services"].values():
        given = one["deploy"]["resources"]["limits"]
        given["cpus"] = str(min(float(given["cpus"]), float(os.cpu_count() or 1)))
    service = Deployed(docker_host, compose, tmp_path, uuid, made)
    service.up()
    seccomp = "seccomp" in docker_host.run("info", "--format", "{{.SecurityOptions}}").stdout
    for name, one in made["services"].items():
        allowed(docker_host, one, service.container(name))
        if one["restart"] == "no":
            state = docker_host.inspect(service.container(name))["State"]
            assert (state["Status"], state["ExitCode"]) == ("exited", 0)
        else:
            confined(service, name, one, seccomp=seccomp)


def test_an_engine_refuses_more_cpus_than_its_host_has(docker_host: DockerHost) -> None:
    """So a tariff's limit is a demand on the server: such a stack never starts there."""
    words = ("create", "--cpus", str((os.cpu_count() or 1) + 1), IMAGE, "true")
    assert "Range of CPUs is from 0.01 to" in docker_host.run(*words, check=False).stderr
