"""One planted violation for each rule, and the golden refusal for it."""

from __future__ import annotations

import copy
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from listener import errors
from listener.compose import guard, render, template
from listener.compose.guard import content

from .conftest import TOKEN, context

Change = Callable[[dict[str, Any]], object]


def app(**keys: object) -> Change:
    """Set keys of the service `app`; None removes one."""

    def change(document: dict[str, Any]) -> None:
        service = document["services"]["app"]
        for key, value in keys.items():
            service.pop(key, None) if value is None else service.update({key: value})

    return change


def top(**keys: object) -> Change:
    """Set keys beside the services."""
    return lambda document: document.update(keys)


def env(**keys: object) -> Change:
    """Set variables of the service `app`."""
    return lambda document: document["services"]["app"]["environment"].update(keys)


def limit(**keys: object) -> Change:
    """Set figures of the service `app`."""
    return lambda document: document["services"]["app"]["deploy"]["resources"]["limits"].update(keys)


def deploy(**keys: object) -> Change:
    """Set keys of the service `app` about its deployment."""
    return lambda document: document["services"]["app"]["deploy"].update(keys)


def health(**keys: object) -> Change:
    """Set keys of the health check of `app`."""
    return lambda document: document["services"]["app"]["healthcheck"].update(keys)


def label(**keys: object) -> Change:
    """Set labels of `app`; `__` stands for a dot."""
    return lambda document: document["services"]["app"]["labels"].update(
        {key.replace("__", "."): value for key, value in keys.items()}
    )


VIOLATIONS: list[tuple[str, Change, str]] = [
    ("G00", app(stdin_open=True), "app: stdin_open is not allowed"),
    ("G00", top(name="x"), "name is not allowed beside the services"),
    ("G00", health(start="x"), "app: healthcheck holds more than"),
    ("G00", deploy(endpoint_mode="vip"), "app: deploy holds more than mode, replicas, resources"),
    ("G00", app(depends_on=["init-perms"]), "app: depends_on is not of the form"),
    ("G00", app(depends_on={"elsewhere": {"condition": "service_started"}}), "app: depends_on is not"),
    ("G01", app(privileged=True), "app: privileged is not allowed"),
    ("G01", app(runtime="other"), "app: runtime is not allowed"),
    ("G02", app(network_mode="host"), "app: network_mode is not allowed"),
    ("G02", app(network_mode="none"), "app: network_mode is not allowed"),
    ("G03", app(pid="host"), "app: pid is not allowed"),
    ("G03", app(ipc="container:x"), "app: ipc is not allowed"),
    ("G04", app(volumes=["/var/run/docker.sock:/s"]), "app: a container engine's socket is named"),
    ("G04", app(volumes=[{"type": "bind", "source": "/run/podman/podman.sock"}]), "socket is named"),
    ("G05", app(volumes=["/etc:/data"]), "app: a volume is not of the form name:/path"),
    ("G05", app(volumes=["./data:/data"]), "app: a volume is not"),
    ("G05", app(volumes=["~/data:/data"]), "app: a volume is not"),
    ("G05", app(volumes=["${HOME}:/data"]), "app: a volume is not"),
    ("G05", app(volumes=["/data"]), "app: a volume is not"),
    ("G05", app(volumes=["v:/data"]), "app: a volume is not"),
    ("G05", app(volumes=["data:/data:rshared"]), "app: a volume is not"),
    ("G05", app(volumes=[{"type": "bind", "source": "/etc", "target": "/data"}]), "app: a volume is not"),
    ("G05", app(volumes="data:/data"), "app: a volume is not"),
    ("G06", app(volumes=["other:/data"]), "app: a volume is not declared"),
    ("G06", app(volumes_from=["init-perms"]), "app: volumes_from is not allowed"),
    ("G06", top(volumes={"data": None, "more": None}), "volume more is not one of the template's"),
    ("G06", top(volumes={"data": {"external": True}}), "volume data has options"),
    ("G06", top(volumes=["data"]), "volumes is not a mapping"),
    ("G07", app(ports=["80:80"]), "app: ports is not allowed"),
    ("G07", app(expose=["22"]), "app: expose may name the template's web port only"),
    ("G07", app(expose="8080"), "app: expose may name"),
    ("G08", app(cap_drop=["NET_RAW"]), "app: cap_drop is not [ALL]"),
    ("G08", app(cap_drop=None), "app: cap_drop is not [ALL]"),
    ("G09", app(cap_add=["CHOWN"]), "app: cap_add is not allowed"),
    (
        "G09",
        lambda d: d["services"]["init-perms"].update(cap_add=["ALL"]),
        "init-perms: cap_add is not allowed",
    ),
    ("G10", app(security_opt=["no-new-privileges:true", "seccomp:unconfined"]), "app: security_opt is not"),
    ("G10", app(security_opt=None), "app: security_opt is not"),
    ("G11", app(user="0:0"), "app: user is not a numeric uid:gid above zero"),
    ("G11", app(user="app"), "app: user is not"),
    ("G11", app(user=None), "app: user is not"),
    ("G11", app(user="1000:0"), "app: user is not"),
    ("G12", app(read_only=False), "app: read_only is not true"),
    ("G13", app(tmpfs=["/tmp"]), "app: a tmpfs lacks size=…m, nosuid or nodev"),
    ("G13", app(tmpfs=["/tmp:size=16m,nosuid"]), "app: a tmpfs lacks"),
    ("G13", app(tmpfs=["/tmp:size=600m,nosuid,nodev"]), "app: tmpfs of 600M is more than a quarter of 2048M"),
    ("G13", app(tmpfs="/tmp"), "app: a tmpfs lacks"),
    ("G14", limit(memory="64G"), "app: deploy.resources.limits are not 2 cpus, 2048M, 256 pids"),
    ("G14", limit(pids=0), "app: deploy.resources.limits are not"),
    ("G14", app(deploy=None), "app: deploy.resources.limits are not"),
    ("G14", app(memswap_limit=-1), "app: memswap_limit is not 2048M"),
    ("G14", app(mem_limit="64G"), "app: mem_limit is not allowed"),
    ("G14", lambda d: d["services"].update(more=d["services"]["app"]), "the services are not those"),
    ("G14", lambda d: d["services"].pop("extra"), "the services are not those that have limits"),
    ("G14", deploy(replicas=2), "app: replicas multiply the limits"),
    ("G14", deploy(mode="global"), "app: replicas multiply the limits"),
    ("G16", app(image="python:latest"), "app: the image is not one of the template's"),
    ("G16", app(image=None), "app: the image is not"),
    ("G17", app(build="."), "app: build is not allowed"),
    ("G17", app(pull_policy="always"), "app: pull_policy is not allowed"),
    ("G18", app(healthcheck=None), "app: healthcheck is missing"),
    ("G18", health(disable=True), "app: healthcheck can be disabled"),
    ("G18", health(test="curl localhost"), "app: healthcheck.test is not"),
    ("G18", health(test=["CMD-SHELL", "true"]), "app: healthcheck.test is not"),
    ("G18", health(interval="1s"), "app: healthcheck.interval is not between 10s and 5m"),
    ("G18", health(interval="1h"), "app: healthcheck.interval is not"),
    ("G18", health(timeout="2m"), "app: healthcheck.timeout is not below the interval"),
    ("G19", app(restart="always"), "app: restart is not unless-stopped"),
    (
        "G19",
        lambda d: d["services"]["init-perms"].update(restart="unless-stopped"),
        "init-perms: restart is not no",
    ),
    ("G20", app(logging=None), "app: logging is not json-file"),
    ("G20", app(logging={"driver": "syslog"}), "app: logging is not"),
    (
        "G20",
        app(logging={"driver": "json-file", "options": {"max-size": "1g", "max-file": "3"}}),
        "app: logging",
    ),
    ("G21", app(networks=["coolify"]), "app: networks is not allowed"),
    ("G21", top(networks={"coolify": {"external": True}}), "networks is not allowed beside the services"),
    ("G21", app(extra_hosts=["a:1.2.3.4"]), "app: extra_hosts is not allowed"),
    ("G21", app(hostname="x"), "app: hostname is not allowed"),
    ("G22", app(devices=["/dev/sda"]), "app: devices is not allowed"),
    (
        "G22",
        lambda d: d["services"]["app"]["deploy"]["resources"].update(
            reservations={"devices": [{"count": 1}]}
        ),
        "app: deploy reserves devices",
    ),
    ("G23", app(sysctls={"a": "b"}), "app: sysctls is not allowed"),
    ("G23", app(oom_kill_disable=True), "app: oom_kill_disable is not allowed"),
    ("G24", app(env_file=[".env"]), "app: env_file is not allowed"),
    ("G24", app(post_start=[{"command": "x"}]), "app: post_start is not allowed"),
    ("G24", top(include=["x.yaml"]), "include is not allowed beside the services"),
    ("G24", top(secrets={"s": {"file": "/etc/shadow"}}), "secrets is not allowed beside the services"),
    ("G25", app(labels=None), "app: labels lack cf.inst"),
    ("G25", label(traefik__enable="true"), "app: labels other than cf.* are not allowed"),
    ("G25", label(cf__plan=5), "app: labels other than"),
    ("G25", app(labels=["cf.tier=team"]), "app: labels lack"),
    ("G26", env(LD_PRELOAD="x"), "app: LD_PRELOAD cannot be a variable's name"),
    ("G26", env(SERVICE_URL_APP="x"), "app: SERVICE_URL_APP cannot be"),
    ("G26", env(MODE="loud"), "app: MODE is not the reference ${MODE}"),
    ("G26", env(OTHER="${MODE}"), "app: OTHER is not a text that Coolify and Compose carry unchanged"),
    ("G26", env(OTHER="$$2y$$10$$x"), "app: OTHER is not a text"),
    ("G26", env(OTHER=".nan"), "app: OTHER is not a text"),
    ("G26", env(OTHER="bell\x07"), "app: OTHER is not a text"),
    ("G26", env(OTHER="next line\x85"), "app: OTHER is not a text"),
    ("G26", env(OTHER="x" * 5000), "app: OTHER is not a text"),
    ("G26", env(OTHER=True), "app: OTHER is not a text"),
    ("G26", env(OTHER=["x"]), "app: OTHER is not a text"),
    ("G26", env(OTHER="a $HOME"), "a $ outside the variables is not doubled"),
    ("G26", app(command=["echo", "${MODE}"]), "a $ outside the variables is not doubled"),
    ("G26", app(environment=["A=b"]), "app: environment is not a mapping"),
    ("G27", env(OTHER=TOKEN), "app: something looks like a secret"),
    ("G27", app(command=["x", "--key=sk-" + "fake0fake0" * 3]), "app: something looks like a secret"),
    ("G29", lambda d: d.clear(), "services is not a mapping of one to four services"),
    ("G29", top(services={}), "services is not a mapping"),
    ("G29", top(services={f"s{n}": {"image": "x"} for n in range(5)}), "services is not a mapping"),
    ("G29", top(services={"App": {"image": "x"}}), "a service's name is not of the form a-z0-9-"),
    ("G29", top(services={"app": None}), "a service is not a mapping"),
    ("G29", app(command=[]), "the document holds something empty"),
    ("G29", app(command=[None]), "the document holds something empty"),
    ("G29", app(init=float("nan")), "the document holds something empty"),
    ("G29", env(OTHER=object()), "the document holds something empty"),
    ("G29", app(command=["x" * 300_000]), "the document is larger than 256 KiB"),
]


def judged(subject: template.Template, change: Change, *, own_reference: bool = True) -> errors.Refusal:
    """The refusal for the rendered document after one change."""
    identity = context(subject, domain="a.example.org")
    document = render.render(subject, context=identity).document
    reference = copy.deepcopy(document)
    change(document)
    with pytest.raises(errors.Refusal) as caught:
        guard.check(document, subject, identity.limits, reference=document if own_reference else reference)
    return caught.value


@pytest.mark.parametrize(
    ("rule", "change", "text"),
    [pytest.param(*violation, id=f"{n:03}-{violation[0]}") for n, violation in enumerate(VIOLATIONS)],
)
def test_a_planted_violation_is_refused_by_its_own_rule(
    pair: template.Template, rule: str, change: Change, text: str
) -> None:
    refusal = judged(pair, change)
    assert refusal.code == f"GUARD_{rule}"
    assert f"{rule} " in refusal.what
    assert text in refusal.what
    assert TOKEN not in str(refusal)


@pytest.mark.parametrize(
    "change", [app(command=["serve", "x"]), env(MORE="x"), label(cf__more="x"), app(user="1001:1001")]
)
def test_what_differs_from_the_neutral_rendering_is_refused(pair: template.Template, change: Change) -> None:
    assert judged(pair, change, own_reference=False).code == "GUARD_G28"


def test_the_pattern_for_control_characters_is_unicodes_category() -> None:
    every = [chr(number) for number in range(sys.maxunicode + 1)]
    wanted = [character for character in every if unicodedata.category(character) == "Cc"]
    assert [character for character in every if content.CONTROL.search(character)] == wanted


def test_every_rule_has_a_planted_violation() -> None:
    judged_here = {code for code, rule in guard.RULES.items() if rule.objections}
    assert {code for code, _, _ in VIOLATIONS} | {"G28"} == judged_here


@pytest.mark.parametrize(
    "tag", ["latest", "Edge", "stable-slim", "main-2026.9", "nightly", "slim", "bookworm"]
)
def test_a_template_with_a_moving_tag_is_refused(pair: template.Template, tag: str) -> None:
    image = pair.manifest.images["app"].model_copy(update={"tag": tag})
    manifest = pair.manifest.model_copy(update={"images": {"app": image}})
    moving = template.Template(manifest, pair.source, pair.bundles)
    with pytest.raises(errors.Refusal, match="moving tag"):
        render.render(moving, context=context(moving))


def test_sums_and_domains_stand_in_the_table_and_are_judged_elsewhere() -> None:
    assert [code for code, rule in guard.RULES.items() if rule.objections is None] == ["G15", "G30"]


def test_all_objections_stand_in_one_refusal(pair: template.Template) -> None:
    refusal = judged(pair, app(privileged=True, pid="host", user="0:0"))
    assert (refusal.code, refusal.fix) == ("GUARD_G01", guard.RULES["G01"].remedy)
    assert {"G01", "G03", "G11"} <= set(refusal.what.split())
