"""The only maker of `CheckedCompose`: default deny on the rendered document, one function a rule.

Coolify has no policy of its own against privileged containers, host namespaces, sockets and binds (4.3.10,
measured), so nothing reaches it that did not pass here. Whole-stack sums (G15) and domains (G30) are not
in the document: admission judges them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener import errors
from listener.compose.guard import content, isolation, runtime, storage
from listener.compose.guard.case import Case, CheckedCompose, Rule, make
from listener.compose.limits import Limits
from listener.compose.template import Template

__all__ = ["RULES", "CheckedCompose", "check"]

RULES: dict[str, Rule] = {
    "G01": isolation.absent(
        "privileged", "userns_mode", "uts", "cgroup", "cgroup_parent", "runtime", "isolation"
    ),
    "G02": isolation.network_mode,
    "G03": isolation.absent("pid", "ipc"),
    "G04": isolation.sockets,
    "G05": storage.binds,
    "G06": storage.volumes,
    "G07": isolation.ports,
    "G08": runtime.cap_drop,
    "G09": runtime.cap_add,
    "G10": runtime.security_opt,
    "G11": runtime.user,
    "G12": runtime.read_only,
    "G13": storage.tmpfs,
    "G14": runtime.limits,
    "G16": runtime.image,
    "G17": isolation.absent("build", "pull_policy", "develop", "platform"),
    "G18": runtime.healthcheck,
    "G19": runtime.restart,
    "G20": runtime.logging,
    "G21": isolation.absent(
        *("networks", "links", "external_links", "extra_hosts", "dns", "dns_search", "dns_opt"),
        *("mac_address", "hostname", "domainname", "container_name"),
    ),
    "G22": isolation.devices,
    "G23": isolation.absent(
        *("sysctls", "ulimits", "oom_kill_disable", "oom_score_adj", "group_add", "shm_size", "storage_opt"),
    ),
    "G24": isolation.absent(
        *("extends", "include", "env_file", "label_file", "profiles", "provider", "use_api_socket", "models"),
        *("credential_spec", "secrets", "configs", "post_start", "pre_stop", "attach", "exclude_from_hc"),
    ),
    "G25": content.labels,
    "G26": content.environment,
    "G27": content.secrets,
    "G28": content.template_owned,
    "G00": content.known_keys,
}
"""Rule to function. G29 (`content.form`) comes before all of them: they rely on the shape it proves."""


def check(
    document: Mapping[str, Any],
    template: Template,
    limits: Mapping[str, Limits],
    *,
    reference: Mapping[str, Any],
) -> CheckedCompose:
    """The document, sealed, if no rule objects.

    `reference` is the same template rendered with neutral names. Raises `Refusal` with the code
    `GUARD_<RULE>` of the first rule that objects; its `what` holds every objection, none of them a value.
    """
    case = Case(document=document, template=template, limits=limits, reference=reference)
    found = [("G29", text) for text in content.form(case)]
    if not found:
        found = [(code, text) for code, rule in RULES.items() for text in rule(case)]
    if found:
        raise errors.Refusal(
            f"GUARD_{found[0][0]}",
            f"The template {template.slug} would break a safety rule of the platform ({found[0][0]}).",
            what="; ".join(f"{code} {text}" for code, text in found),
            why="the rendered compose document is refused before anything is sent",
            fix="staff: correct the template",
        )
    return make(case)
