"""Rules that keep a container away from the host, the network and its neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from listener.compose.guard.case import Case, Rule, strings

SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock", "/run/docker", "/run/containerd")


def absent(*keys: str) -> Rule:
    """A rule that none of the keys occurs, in a service or beside the services."""

    def rule(case: Case) -> Iterator[str]:
        for key in keys:
            if key in case.document:
                yield f"{key} is not allowed beside the services"
            for name, service in case.services():
                if key in service:
                    yield f"{name}: {key} is not allowed"

    return rule


def network_mode(case: Case) -> Iterator[str]:
    """G02: the stack's own network, or none at all for what runs once."""
    for name, service in case.services():
        mode = service.get("network_mode")
        if mode is not None and not (mode == "none" and case.is_one_shot(name)):
            yield f"{name}: network_mode is not allowed"


def sockets(case: Case) -> Iterator[str]:
    """G04: no container engine's socket, in any syntax. A label mounts nothing, and holds people's names."""
    for name, service in case.services():
        body = {key: value for key, value in service.items() if key != "labels"}
        if any(socket in text for text in strings(body) for socket in SOCKETS):
            yield f"{name}: a container engine's socket is named"


def ports(case: Case) -> Iterator[str]:
    """G07: nothing is published; only the web port may be exposed."""
    yield from absent("ports")(case)
    web = case.manifest.web
    for name, service in case.services():
        allowed = [str(web.port)] if web is not None and web.service == name else []
        exposed = service.get("expose", [])
        if not isinstance(exposed, list) or any(str(port) not in allowed for port in exposed):
            yield f"{name}: expose may name the template's web port only"


def devices(case: Case) -> Iterator[str]:
    """G22: no device, neither directly nor as a reserved resource."""
    yield from absent("devices", "device_cgroup_rules", "gpus")(case)
    for name, service in case.services():
        if "devices" in strings(service.get("deploy")):
            yield f"{name}: deploy reserves devices"
