"""Keys of a service that must be refused, by rule."""

from __future__ import annotations


class Gone:
    """As a value: the key is taken away."""


GONE = Gone()

KEYS: dict[str, dict[str, tuple[object, ...]]] = {
    "G01": {
        "privileged": (True, False, "true"),
        "userns_mode": ("host",),
        "uts": ("host",),
        "cgroup": ("host",),
        "cgroup_parent": ("/",),
        "runtime": ("runc", "nvidia"),
        "isolation": ("process",),
    },
    "G02": {"network_mode": ("host", "none", "bridge", "service:extra", "container:coolify")},
    "G03": {"pid": ("host", "service:extra"), "ipc": ("host", "shareable", "container:coolify")},
    "G07": {
        "ports": (["80:80"], ["127.0.0.1::8080"], [{"target": 80, "published": "80"}], "80:80"),
        "expose": (["22"], ["8080-9090"], ["8080/udp"], "8080"),
    },
    "G08": {"cap_drop": (GONE, ["NET_RAW"], ["ALL", "NET_RAW"], ["all"], "ALL")},
    "G09": {"cap_add": (["CHOWN"], ["SYS_ADMIN"], ["ALL"], "ALL")},
    "G10": {
        "security_opt": (
            *(GONE, ["no-new-privileges:false"], ["no-new-privileges:true", "seccomp:unconfined"]),
            *(["no-new-privileges:true", "apparmor:unconfined"], ["label:disable"]),
        )
    },
    "G11": {"user": (GONE, "0:0", "0", "root", "1000", "1000:0", "0:1000", "01000:01000", "1٠:1٠", 1000)},
    "G12": {"read_only": (GONE, False, "true", 1)},
    "G13": {
        "tmpfs": (
            *(["/tmp"], ["/tmp:nosuid,nodev"], ["/tmp:size=16m,nosuid"], ["/tmp:size=16m,nosuid,nodev,suid"]),
            *(["/tmp:size=16m,nosuid,nodev,dev"], ["/tmp:size=513m,nosuid,nodev"], "/tmp"),
            *(["/tmp:size=1g,nosuid,nodev"], [{"type": "tmpfs"}], ["/tmp:size=1m,size=9m,nosuid,nodev"]),
        )
    },
    "G14": {
        "memswap_limit": (GONE, -1, "4096M"),
        "mem_limit": ("64G",),
        "cpus": ("16",),
        "pids_limit": (-1,),
        "scale": (2,),
        "cpu_quota": (1_000_000,),
        "cpu_rt_runtime": ("95000us",),
        "blkio_config": ({"weight": 1000},),
        "deploy": (GONE, {"replicas": 2}, "none"),
    },
    "G16": {
        "image": (GONE, "python:latest", "registry.example.org/app", "registry.example.org/app:2.2", ["app"])
    },
    "G17": {
        "build": (".", {"context": "https://example.org/repository.git"}),
        "pull_policy": ("build", "always"),
        "develop": ({"watch": [{"path": ".", "action": "sync", "target": "/"}]},),
        "platform": ("linux/amd64",),
    },
    "G18": {"healthcheck": (GONE, {"disable": True}, "curl", {"test": ["NONE"]})},
    "G19": {"restart": (GONE, "always", "no", "on-failure:5", False)},
    "G20": {"logging": (GONE, {"driver": "none"}, {"driver": "syslog"}, {"driver": "json-file"})},
    "G21": {
        "networks": (["coolify"], {"coolify": {"aliases": ["pocketbase"]}}, {"default": {"priority": 1}}),
        "links": (["extra"],),
        "external_links": (["coolify-db"],),
        "extra_hosts": (["router:203.0.113.9"],),
        "dns": ("203.0.113.9",),
        "mac_address": ("02:42:ac:11:00:02",),
        "hostname": ("coolify",),
        "container_name": ("coolify-proxy",),
    },
    "G22": {
        "devices": (["/dev/sda"], [{"source": "/dev/kvm", "target": "/dev/kvm"}]),
        "device_cgroup_rules": (["a *:* rwm"],),
        "gpus": ("all",),
    },
    "G23": {
        "sysctls": ({"net.ipv4.ip_forward": "1"}, ["kernel.shmmax=1"]),
        "ulimits": ({"nofile": 1_000_000},),
        "oom_kill_disable": (True,),
        "oom_score_adj": (-1000,),
        "group_add": (["0"], ["docker"]),
        "shm_size": ("8g",),
    },
    "G24": {
        "extends": ({"file": "/etc/passwd", "service": "x"},),
        "env_file": ([".env"], "/etc/environment"),
        "label_file": ("x.env",),
        "profiles": (["x"],),
        "provider": ({"type": "x"},),
        "use_api_socket": (True,),
        "credential_spec": ({"file": "x"},),
        "secrets": (["x"],),
        "configs": (["x"],),
        "post_start": ([{"command": "id", "user": "root"}],),
        "pre_stop": ([{"command": "id", "privileged": True}],),
    },
    "G25": {"labels": (GONE, ["cf.tier=team"], "cf.tier", 5)},
    "G28": {
        "command": (GONE, ["serve", "acme"]),
        "entrypoint": (["sh"],),
        "user": ("1001:1001",),
        "stop_grace_period": ("99s",),
    },
    "G00": {
        "stdin_open": (True,),
        "tty": (True,),
        "annotations": ({"a": "b"},),
        "working_dir": ("/",),
        "x-more": ({"privileged": True},),
        "net": ("host",),
        "command": ([{"privileged": True}], ["serve", 5], {"a": "b"}),
        "init": ("true",),
        "stop_grace_period": (5,),
        "depends_on": (["init-perms"], {"elsewhere": {"condition": "service_started"}}),
    },
}
"""Rule to keys of the service `app`, each with values."""
