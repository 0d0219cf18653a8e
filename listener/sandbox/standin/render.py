"""The compose file that reaches the server, and what keeps it from starting."""

from __future__ import annotations

import re
from typing import Any

from listener.sandbox.standin import compose, dotenv, state, yamlish

_KEPT = ("services", "volumes", "networks", "configs", "secrets")
_LISTS = ("command", "ports", "volumes", "cap_drop", "cap_add", "expose", "security_opt", "dns", "tmpfs")


def volume_name(uuid: str, source: str) -> str:
    """The docker volume of a named volume: renamed with the service's uuid (Coolify 4.3.10, parsers.php)."""
    return f"{uuid}_{source.lower().replace('_', '-').replace(' ', '-').replace('.', '')}"


def mounts(body: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Source, target and whether it is a bind, of each volume entry. `/anon` binds the host's `/anon`."""
    found = []
    for volume in body.get("volumes") or ():
        if isinstance(volume, dict):
            if volume.get("type") != "tmpfs":
                source = str(volume.get("source") or "")
                found.append((source, str(volume.get("target") or ""), volume.get("type") == "bind"))
            continue
        pieces = str(volume).split(":")
        target = pieces[1] if len(pieces) > 1 else pieces[0]
        found.append((pieces[0], target, pieces[0].startswith(("/", ".", "~", "$"))))
    return found


def bind_path(uuid: str, source: str) -> str:
    """Where a bind lies on the host; relative ones in the service's folder."""
    return f"/data/coolify/services/{uuid}/{source[2:]}" if source.startswith("./") else source


def render(service: state.Service, version: str) -> str:
    """The parsed compose: renamed volumes, own network, Coolify's labels and variables, `.env` for all."""
    document = {key: service.document[key] for key in _KEPT if service.document.get(key)}
    uuid = service.uuid
    parts = {part.name: part for part in service.parts if part.present}
    bodies = compose.services(service.document)
    names = {f"SERVICE_NAME_{re.sub('[-.]', '_', name).upper()}": name for name in bodies}
    volumes = dict(document.get("volumes") or {})
    for body in bodies.values():
        for source, _, bind in mounts(body):
            if not bind:
                volumes[volume_name(uuid, source)] = {"name": volume_name(uuid, source)}
    document["services"] = {
        name: _service(service, parts[name], body, names, version) for name, body in bodies.items()
    }
    if volumes:
        document["volumes"] = volumes
    document["networks"] = {**(document.get("networks") or {}), uuid: {"name": uuid, "external": True}}
    return yamlish.dump(document)


def _service(
    service: state.Service, part: state.Part, body: dict[str, Any], names: dict[str, str], version: str
) -> dict[str, Any]:
    uuid = service.uuid
    container = f"{part.name}-{uuid}"
    made = {key: value for key, value in body.items() if key != "exclude_from_hc"}
    made["container_name"] = container
    made.setdefault("restart", "unless-stopped")
    own_labels = [str(label) for label in _listed(body.get("labels"))]
    if part.fqdn and service.label_escape:
        own_labels = [label.replace("$", "$$") for label in own_labels]
    made["labels"] = [
        *own_labels,
        "coolify.managed=true",
        f"coolify.version={version}",
        f"coolify.serviceId={service.id}",
        "coolify.type=service",
        f"coolify.name={container}",
        f"coolify.projectName={service.environment.project.name}",
        f"coolify.serviceName={part.name}",
    ]
    if "network_mode" not in body:
        own = body.get("networks") or {}
        made["networks"] = {**(own if isinstance(own, dict) else dict.fromkeys(own)), uuid: None}
    if body.get("volumes"):
        made["volumes"] = [_volume(uuid, volume) for volume in body["volumes"]]
    added: dict[str, Any] = {"COOLIFY_RESOURCE_UUID": uuid, "COOLIFY_CONTAINER_NAME": container}
    if part.fqdn:
        added["COOLIFY_URL"] = part.fqdn
        added["COOLIFY_FQDN"] = re.sub("https?://", "", part.fqdn)
    made["environment"] = {**_values(service, body), **added, **names}
    made["env_file"] = [*_listed(body.get("env_file")), ".env"]
    return made


def _values(service: state.Service, body: dict[str, Any]) -> dict[str, Any]:
    stored = {variable.key: variable.value for variable in service.variables}
    values = {
        key: value for key, value in compose.environment(body).items() if not key.startswith("SERVICE_FQDN_")
    }
    one = {"services": {"one": {"environment": values}}}
    for found in compose.extract(one):
        reference = f"${{{found.key}}}"
        if not found.magic and values.get(found.key) not in (reference, f"${found.key}", found.value):
            values[found.key] = stored.get(found.key)
    return values


def _volume(uuid: str, volume: Any) -> Any:
    if isinstance(volume, dict):
        if volume.get("type") == "bind":
            return f"{bind_path(uuid, str(volume.get('source') or ''))}:{volume.get('target')}"
        source = volume.get("source")
        return {**volume, "source": volume_name(uuid, str(source))} if source else volume
    source, _, rest = str(volume).partition(":")
    if not rest:
        return f"{source}:{source}"
    bind = source.startswith(("/", ".", "~", "$"))
    return f"{bind_path(uuid, source) if bind else volume_name(uuid, source)}:{rest}"


def _listed(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [f"{key}={inner}" for key, inner in value.items()]
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def unstartable(service: state.Service) -> str:
    """Why `docker compose up` would refuse the files, or an empty text (checked with Compose 2.26.1)."""
    bodies = compose.services(service.document)
    if not bodies:
        return "no service selected"
    for name, body in bodies.items():
        if not body.get("image") and not body.get("build"):
            return f'service "{name}" has neither an image nor a build context specified'
        for key in _LISTS:
            if body.get(key) == []:
                return f"services.{name}.{key} must be a list"
        deploy = body.get("deploy")
        if isinstance(deploy, dict) and int(deploy.get("replicas") or 1) > 1:
            return f"services.{name}: can't set container_name and deploy.replicas"
    return dotenv.unreadable(service.variables)
