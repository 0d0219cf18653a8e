"""The table of rules, in the order in which they are judged: G29 first, the default deny last."""

from __future__ import annotations

from listener.compose.guard import content, isolation, runtime, storage
from listener.compose.guard.case import Rule
from listener.compose.guard.isolation import absent

_TABLE = (
    Rule(
        "G29",
        demand="one to four services, names a-z0-9-, plain data, at "
        "most 256 KiB; no anchors, tags, double keys",
        remedy="name services in lower case, leave empty values away, put files into a bundle",
        source="Coolify 4.3.10, measured; the last three are refused when the text is read",
        objections=content.form,
    ),
    Rule(
        "G01",
        demand="no `privileged`, no foreign user, uts or cgroup namespace, no other runtime",
        remedy="take the key out; nothing here needs the host's rights",
        source="CIS 5.5, 5.21, 5.31; PSS baseline",
        objections=absent("G01"),
    ),
    Rule(
        "G02",
        demand="`network_mode` is absent, or `none` for what runs once",
        remedy="take network_mode out: the stack's own network is there by itself",
        source="CIS 5.10; PSS baseline",
        objections=isolation.network_mode,
    ),
    Rule(
        "G03",
        demand="no `pid` and no `ipc` namespace of the host or a neighbour",
        remedy="take the key out; let services talk over the stack's network",
        source="CIS 5.16, 5.17; PSS baseline",
        objections=absent("G03"),
    ),
    Rule(
        "G04",
        demand="no container engine's socket is named, in any syntax",
        remedy="take the socket out; a stack never speaks to the engine",
        source="CIS 5.32; OWASP 1",
        objections=isolation.sockets,
    ),
    Rule(
        "G05",
        demand="volumes are `name:/path` or `name:/path:ro`; no path of "
        "the host, nothing anonymous, no one-letter name",
        remedy="name a volume of the manifest, two letters at least, in the short form",
        source="CIS 5.6; PSS baseline; Coolify 4.3.10, measured",
        objections=storage.binds,
    ),
    Rule(
        "G06",
        demand="volumes are the manifest's, declared empty; no driver, options, external, `volumes_from`",
        remedy="list the volume under volumes in template.yaml and declare it without anything",
        source="CIS 5.20; PSS baseline; Coolify 4.3.10, measured",
        objections=storage.volumes,
    ),
    Rule(
        "G07",
        demand="no published port; `expose` names the web port only",
        remedy="take ports out; the proxy leads a domain to the port of `web` in template.yaml",
        source="CIS 5.8, 5.9, 5.14; OWASP 5a; PSS baseline",
        objections=isolation.ports,
    ),
    Rule(
        "G08",
        demand="`cap_drop` is exactly [ALL]",
        remedy="write cap_drop: [ALL], or include hardening.yaml.j2",
        source="CIS 5.4; OWASP 3; PSS restricted",
        objections=runtime.cap_drop,
    ),
    Rule(
        "G09",
        demand="`cap_add` is absent, or [CHOWN] for what runs once",
        remedy="take cap_add out; set ownership in a one_shot service",
        source="CIS 5.4; PSS restricted",
        objections=runtime.cap_add,
    ),
    Rule(
        "G10",
        demand="`security_opt` is exactly [no-new-privileges:true]",
        remedy="write that one option, or include hardening.yaml.j2",
        source="CIS 5.2, 5.22, 5.26; OWASP 4, 6; PSS baseline",
        objections=runtime.security_opt,
    ),
    Rule(
        "G11",
        demand="`user` is a numeric uid:gid above zero",
        remedy="set user to the image's own uid:gid; root only for "
        "a one_shot service that is exempt, with the reason",
        source="CIS 4.1; OWASP 2; PSS restricted",
        objections=runtime.user,
    ),
    Rule(
        "G12",
        demand="`read_only` is true, unless the template says why not",
        remedy="write read_only: true and a tmpfs for what is written, or exempt the service with the reason",
        source="CIS 5.13; OWASP 8",
        objections=runtime.read_only,
    ),
    Rule(
        "G13",
        demand="a tmpfs has size, nosuid and nodev; together a quarter of the memory at most",
        remedy="write /path:size=16m,nosuid,nodev; larger files belong on a volume",
        source="OWASP 8; tmpfs counts as memory",
        objections=storage.tmpfs,
    ),
    Rule(
        "G14",
        demand="memory, cpus and pids are those that were granted, "
        "no swap, nothing that evades or multiplies them",
        remedy="take the figures from `limits`, or include hardening.yaml.j2",
        source="CIS 5.11, 5.12, 5.29; OWASP 7; Coolify 4.3.10, measured",
        objections=runtime.limits,
    ),
    Rule(
        "G15",
        demand="the stack's limits fit the tariff and the host; judged by admission, before rendering",
        remedy="choose a larger tariff or ask for less",
        source="OWASP 7",
        objections=None,
    ),
    Rule(
        "G16",
        demand="images are the manifest's, with a tag that "
        "says a version; with TEMPLATES_REQUIRE_DIGEST by digest",
        remedy="pin the image in template.yaml by version and digest",
        source="CIS 4.2, 5.28; OWASP 13",
        objections=runtime.image,
    ),
    Rule(
        "G17",
        demand="no `build`, `pull_policy`, `develop`, `platform`",
        remedy="publish the image and pin it in template.yaml",
        source="CIS 4.2; OWASP 13",
        objections=absent("G17"),
    ),
    Rule(
        "G18",
        demand="`healthcheck` is [CMD, …] every 10s to 5m, its timeout shorter; none for what runs once",
        remedy="write test: [CMD, …] with interval and timeout",
        source="CIS 4.6, 5.27",
        objections=runtime.healthcheck,
    ),
    Rule(
        "G19",
        demand='`restart` is unless-stopped, or "no" for what runs once',
        remedy="write it so; `always` would outlive a suspension",
        source="CIS 5.15, with a deviation: services survive a reboot; OWASP 7",
        objections=runtime.restart,
    ),
    Rule(
        "G20",
        demand="`logging` is json-file with at most 10m in 3 files",
        remedy="write it so, or include hardening.yaml.j2",
        source="CIS 2.13",
        objections=runtime.logging,
    ),
    Rule(
        "G21",
        demand="no networks, links, extra hosts, dns, host or container names",
        remedy="take the key out; services find each other by their names",
        source="CIS 5.30; OWASP 5; Coolify 4.3.10, measured: own networks do not isolate",
        objections=absent("G21"),
    ),
    Rule(
        "G22",
        demand="no devices, gpus or reserved resources",
        remedy="take the key out",
        source="CIS 5.18",
        objections=isolation.devices,
    ),
    Rule(
        "G23",
        demand="no sysctls, ulimits, oom settings, further groups, shm",
        remedy="take the key out; the host's defaults hold",
        source="CIS 5.19; PSS baseline",
        objections=absent("G23"),
    ),
    Rule(
        "G24",
        demand="no `extends`, `include`, files of the host, profiles, life-cycle hooks",
        remedy="write it into the service itself; carry files as a bundle",
        source="OWASP 13; Coolify 4.3.10, measured",
        objections=absent("G24"),
    ),
    Rule(
        "G25",
        demand="the platform's cf.* labels, all, and no others",
        remedy="include hardening.yaml.j2; traefik.*, caddy* and coolify.* would take over a domain",
        source="Coolify 4.3.10, measured: labels drive the proxy",
        objections=content.labels,
    ),
    Rule(
        "G26",
        demand="variables are `${NAME}` of the same name or short literals "
        "that arrive unchanged; every other `$` is doubled",
        remedy="declare the parameter in template.yaml and write NAME: ${NAME}; begin no literal with $",
        source="Coolify 4.3.10, measured; interpolation of Compose",
        objections=content.environment,
    ),
    Rule(
        "G27",
        demand="nothing in the text looks like a key",
        remedy="make it a parameter of type secret, and replace the key: it has been seen",
        source="CIS 4.10; OWASP 12",
        objections=content.secrets,
    ),
    Rule(
        "G28",
        demand="apart from labels and values of variables, the document is the same for everybody",
        remedy="use names of the stack in labels and variables only",
        source="OWASP 13",
        objections=content.template_owned,
    ),
    Rule(
        "G30",
        demand="the domain is the tenant's or the platform's, on "
        "the web service, by https; judged before rendering",
        remedy="check the domain at the stack's record",
        source="OWASP 5a; Coolify 4.3.10, measured",
        objections=None,
    ),
    Rule(
        "G00",
        demand="default deny: keys that no rule knows",
        remedy="take the key out, or write a rule for it first",
        source="PSS restricted: what is new is not allowed by default",
        objections=content.known_keys,
    ),
)

RULES: dict[str, Rule] = {rule.code: rule for rule in _TABLE}
"""Code to rule. G15 and G30 have no objections here: sums and domains are not in the document."""
