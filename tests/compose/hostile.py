"""Documents that must be refused: each is one edit away from the rendered pair, which is accepted."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from .conftest import TOKEN
from .hostile_keys import GONE, KEYS, Gone

FAKE = "fake0fake0" * 4

PLACES: dict[str, dict[str, tuple[object, ...]]] = {
    "G02": {"services/init-perms/network_mode": ("host", "service:app")},
    "G04": {
        "services/app/volumes/0": (
            "/var/run/docker.sock:/s",
            "/run/./containerd/containerd.sock:/s:ro",
            {"type": "bind", "source": "/run/podman/podman.sock", "target": "/s"},
        ),
        "services/app/command/1": ("--host=unix:///var/run/docker.sock",),
        "services/app/environment/DOCKER_HOST": ("unix:///run/docker.sock",),
    },
    "G05": {
        "services/app/volumes/0": (
            *("/etc:/x", "/:/x", "./x:/x", "../x:/x", ".:/x", "~/x:/x", "$$HOME:/x", "C:/x:/x", "/anonymous"),
            *("d:/x", "d:/x:ro", "data:/x:rshared", "data:/x:rw,nocopy", "data:x", "data", "data:/x:ro:z", 5),
            {"type": "bind", "source": "/etc", "target": "/x"},
            {"type": "volume", "source": "data", "target": "/x"},
            {"type": "image", "source": "busybox", "target": "/x"},
        ),
        "services/app/volumes": ("data:/x",),
    },
    "G06": {
        "services/app/volumes/0": ("other:/x", "coolify-db:/x:ro"),
        "services/app/volumes_from": (["init-perms"],),
        "volumes": (GONE,),
        "volumes/more": (None, {}),
        "volumes/data": ({"external": True}, {"name": "coolify-db"}, {"driver": "local"}, {"labels": ["a"]}),
    },
    "G09": {"services/init-perms/cap_add": (["ALL"], ["CHOWN", "DAC_OVERRIDE"], ["chown"])},
    "G14": {
        "services/app/deploy/resources/limits/memory": (GONE, "64G", "2G", 0),
        "services/app/deploy/resources/limits/cpus": (GONE, "0", "16"),
        "services/app/deploy/resources/limits/pids": (GONE, 0, -1),
        "services/app/deploy/resources/limits/devices": ([{"capabilities": ["gpu"]}],),
        "services/app/deploy/replicas": (2, 0),
        "services/app/deploy/mode": ("global",),
        "services/extra": (GONE,),
    },
    "G18": {
        "services/app/healthcheck/disable": (True,),
        "services/app/healthcheck/test": (GONE, "true", ["CMD-SHELL", "true"], ["NONE"], ["CMD"], ["CMD", 1]),
        "services/app/healthcheck/interval": (GONE, "1s", "6m", "1h", 60),
        "services/app/healthcheck/timeout": (GONE, "60s", "0s", 5),
        "services/app/healthcheck/retries": (0, 1000, "3"),
        "services/app/healthcheck/start_period": ("long",),
    },
    "G19": {"services/init-perms/restart": (GONE, "unless-stopped", "always")},
    "G20": {
        "services/app/logging/driver": ("syslog", "none", GONE),
        "services/app/logging/options/max-size": (GONE, "1g", "11m", "0m", "-1"),
        "services/app/logging/options/max-file": (GONE, "4", "0"),
    },
    "G21": {"networks": ({"default": {"internal": True}}, {"coolify": {"external": True}})},
    "G22": {
        "services/app/deploy/resources/reservations": (
            {"devices": [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]},
            {"memory": "64G"},
        )
    },
    "G24": {
        "include": (["x.yaml"],),
        "secrets": ({"x": {"file": "/etc/shadow"}}, {"x": {"environment": "HOME"}}),
        "configs": ({"x": {"file": "/etc/shadow"}},),
        "models": ({"x": {"model": "y"}},),
    },
    "G25": {
        "services/app/labels/traefik.enable": ("true",),
        "services/app/labels/traefik.http.routers.x.rule": ("Host(`other.example.org`)",),
        "services/app/labels/caddy": ("other.example.org",),
        "services/app/labels/coolify.managed": ("true",),
        "services/app/labels/com.docker.compose.project": ("other",),
        "services/app/labels/cf.tenant": (GONE, 5),
    },
    "G26": {
        "services/app/environment": (["MODE=loud"], "MODE=loud"),
        "services/app/environment/MODE": (
            *("loud", "${MODE:-loud}", "${OTHER}", "$MODE", "${MODE} ", "${MODE:?must be set}"),
        ),
        "services/app/environment/OTHER": (
            *(
                "$2y$10$x",
                "$$2y$$10$$x",
                "$$",
                "$5",
                "${MODE}",
                "$(id)",
                "a ${MODE}",
                "a$b",
                "a$$$b",
                5,
                True,
            ),
            *("+0o17", "0o17", "0o1_7", "-0o7", ".inf", "-.INF", ".nan", "+1_000", "1_000.5", "x" * 4097),
            *("two\nlines", "a\0b", "tab\t", ["x"], {"a": "b"}),
        ),
        "services/app/environment/LD_PRELOAD": ("/x.so",),
        "services/app/environment/SERVICE_PASSWORD_APP": ("x",),
        "services/app/environment/COOLIFY_URL": ("x",),
        "services/app/environment/lower": ("x",),
        "services/app/environment/APP_CONFIG_B64": ("A" * 131_073,),
        "services/app/command/1": ("${MODE}", "$MODE", "0o17", ".inf"),
        "services/app/labels/cf.more": ("$(id)",),
    },
    "G27": {
        "services/app/environment/OTHER": (
            *(TOKEN, f"sk-{FAKE}", f"sk-ant-api03-{FAKE}", f"ghp_{FAKE}", f"glpat-{FAKE}", f"hf_{FAKE}"),
            *("AKIA" + "F" * 16, "-----BEGIN PRIVATE KEY-----"),
        ),
        "services/app/command/1": (f"--key=sk-{FAKE}",),
        "services/app/healthcheck/test/1": (f"https://example.org/bot{TOKEN}/getMe",),
    },
    "G28": {
        "services/app/environment/MORE": ("x",),
        "services/app/labels/cf.more": ("x",),
        "services/app/healthcheck/test/1": ("acme",),
        "services/app/volumes/0": ("data:/acme",),
    },
    "G29": {
        "services": (GONE, {}, [], None, {f"s{n}": {"image": "x"} for n in range(5)}),
        "services/app": (None, {}, "x", ["x"]),
        "services/App": ({"image": "x"},),
        "services/a_b": ({"image": "x"},),
        "services/app/command": ([], None),
        "services/app/environment/OTHER": (None, float("nan"), float("inf"), "x" * 262_145),
        "services/app/x-more": ([None],),
    },
    "G00": {
        "name": ("coolify",),
        "version": ("3",),
        "x-common": ({"a": "b"},),
        "services/app/healthcheck/start": ("x",),
        "services/app/deploy/restart_policy": ({"condition": "any"},),
        "services/app/deploy/labels": ({"traefik.enable": "true"},),
        "services/app/logging/options/tag": ("x",),
        "services/app/logging/more": ("x",),
        "services/app/depends_on/app": ({"condition": "service_started"},),
        "services/app/depends_on/init-perms": (
            {"condition": ["service_started"]},
            "service_started",
            {"condition": "whenever"},
            {"restart": True},
        ),
    },
}
"""Rule to places in the document, each with values."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """One edit, and the only rule that objects to it."""

    code: str
    place: str
    value: object

    def applied(self, document: dict[str, Any], service: str = "app") -> dict[str, Any]:
        """A copy of the document with the edit, made to this service instead of `app`."""
        edited = copy.deepcopy(document)
        *path, last = self.place.replace("services/app", f"services/{service}").split("/")
        inside: Any = edited
        for step in path:
            inside = inside[int(step) if isinstance(inside, list) else step]
        at: Any = int(last) if isinstance(inside, list) else last
        if isinstance(self.value, Gone):
            del inside[at]
        else:
            inside[at] = copy.deepcopy(self.value)
        return edited


CORPUS = (
    *(
        Hostile(code, f"services/app/{key}", value)
        for code, keys in KEYS.items()
        for key, values in keys.items()
        for value in values
    ),
    *(
        Hostile(code, place, value)
        for code, places in PLACES.items()
        for place, values in places.items()
        for value in values
    ),
)
