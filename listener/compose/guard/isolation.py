"""Rules that keep a container away from the host, the network and its neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from listener.compose.guard.case import Case, Objections, strings

SOCKETS = (
    *("docker.sock", "containerd.sock", "podman.sock", "crio.sock", "buildkitd.sock", "cri-dockerd.sock"),
    *("/run/docker", "/run/containerd", "/run/podman", "/run/crio"),
)

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "G01": ("privileged", "userns_mode", "uts", "cgroup", "cgroup_parent", "runtime", "isolation"),
    "G03": ("pid", "ipc"),
    "G06": ("volumes_from",),
    "G07": ("ports",),
    "G14": (
        *("mem_limit", "mem_reservation", "mem_swappiness", "cpus", "cpuset", "cpu_count", "cpu_percent"),
        *("cpu_shares", "cpu_quota", "cpu_period", "cpu_rt_period", "cpu_rt_runtime", "pids_limit", "scale"),
        "blkio_config",
    ),
    "G17": ("build", "pull_policy", "develop", "platform"),
    "G21": (
        *("networks", "links", "external_links", "extra_hosts", "dns", "dns_search", "dns_opt"),
        *("mac_address", "hostname", "domainname", "container_name"),
    ),
    "G22": ("devices", "device_cgroup_rules", "gpus"),
    "G23": (
        *("sysctls", "ulimits", "oom_kill_disable", "oom_score_adj", "group_add", "shm_size", "storage_opt"),
    ),
    "G24": (
        *("extends", "include", "env_file", "label_file", "profiles", "provider", "use_api_socket", "models"),
        *("credential_spec", "secrets", "configs", "post_start", "pre_stop", "attach", "exclude_from_hc"),
    ),
}
"""Rule to the keys that may not occur, in a service or beside the services."""

OWNED = frozenset(key for keys in FORBIDDEN.values() for key in keys)
"""Keys that some rule refuses by name, so that G00 need not."""


def absent(code: str) -> Objections:
    """That none of the keys occurs which the rule forbids."""

    def objections(case: Case) -> Iterator[str]:
        for key in FORBIDDEN[code]:
            if key in case.document:
                yield f"{key} is not allowed beside the services"
            for name, service in case.services():
                if key in service:
                    yield f"{name}: {key} is not allowed"

    return objections


def names_a_socket(value: object) -> bool:
    """Whether a container engine's socket is named anywhere in the value."""
    text = "\n".join(strings(value))
    return any(socket in text for socket in SOCKETS)


def network_mode(case: Case) -> Iterator[str]:
    """G02: the stack's own network, or none at all for what runs once."""
    for name, service in case.services():
        mode = service.get("network_mode")
        if mode is not None and not (mode == "none" and case.is_one_shot(name)):
            yield f"{name}: network_mode is not allowed"


def sockets(case: Case) -> Iterator[str]:
    """G04: no container engine's socket, in any syntax. A label mounts nothing, and holds people's names."""
    for name, service in case.services():
        if names_a_socket({key: value for key, value in service.items() if key != "labels"}):
            yield f"{name}: a container engine's socket is named"


def ports(case: Case) -> Iterator[str]:
    """G07: nothing is published; only the web port may be exposed."""
    yield from absent("G07")(case)
    web = case.manifest.web
    for name, service in case.services():
        allowed = [str(web.port)] if web is not None and web.service == name else []
        exposed = service.get("expose", [])
        if not isinstance(exposed, list) or any(str(port) not in allowed for port in exposed):
            yield f"{name}: expose may name the template's web port only"


def devices(case: Case) -> Iterator[str]:
    """G22: no device, neither directly nor as a reserved resource."""
    yield from absent("G22")(case)
    for name, service in case.services():
        deploy = service.get("deploy")
        resources = deploy.get("resources") if isinstance(deploy, dict) else None
        if isinstance(resources, dict) and "reservations" in resources:
            yield f"{name}: deploy reserves devices or other resources"
