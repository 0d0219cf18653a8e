"""Rows as the API shows them."""

from __future__ import annotations

from typing import Any

from listener.sandbox.standin import dotenv, servers, state, world

Json = dict[str, Any]


def environment(row: state.Environment) -> Json:
    """An environment by itself."""
    return {
        "id": row.id,
        "name": row.name,
        "project_id": row.project.id,
        "created_at": row.created,
        "updated_at": row.updated,
        "description": None,
        "uuid": row.uuid,
    }


def team(row: state.Team) -> Json:
    """A team by itself."""
    return {
        "id": row.id,
        "description": row.description,
        "name": row.name,
        "is_mcp_server_enabled": True,
        "personal_team": True,
        "show_boarding": True,
        "created_at": row.created,
        "updated_at": row.created,
    }


def project(row: state.Project) -> Json:
    """A project by itself."""
    return {
        "id": row.id,
        "uuid": row.uuid,
        "name": row.name,
        "description": row.description,
        "icon_path": None,
        "icon_s3_storage_id": None,
        "icon_storage_type": None,
        "team_id": row.team.id,
        "created_at": row.created,
        "updated_at": row.updated,
    }


def part(row: state.Part, service: state.Service) -> Json:
    """An application or database of a service."""
    shown: Json = {
        "id": row.id,
        "uuid": row.uuid,
        "name": row.name,
        "human_name": None,
        "description": None,
        "ports": "",
        "exposes": None,
        "status": row.status,
        "service_id": service.id,
        "created_at": row.created,
        "updated_at": row.updated,
        "exclude_from_status": row.excluded,
        "image": row.image,
        "is_log_drain_enabled": False,
        "is_include_timestamps": False,
        "deleted_at": None,
        "is_gzip_enabled": True,
        "is_stripprefix_enabled": True,
        "last_online_at": row.created,
        "is_migrated": False,
    }
    if row.database:
        return shown | {
            "custom_type": None,
            "is_public": False,
            "public_port": None,
            "public_port_timeout": 3600,
        }
    web = {"fqdn": row.fqdn, "required_fqdn": False, "noindex_domains": None, "redirect": "both"}
    return shown | web | {"is_force_https_enabled": True} | row.extra


def service(row: state.Service, rows: world.World, *, sensitive: bool) -> Json:
    """A service with its parts and server; the compose texts only when `sensitive`."""
    shown: Json = {
        "uuid": row.uuid,
        "name": row.name,
        "environment_id": row.environment.id,
        "created_at": row.created,
        "updated_at": row.updated,
        "server_id": row.server.id,
        "description": row.description,
        "destination_type": "App\\Models\\StandaloneDocker",
        "destination_id": row.destination.id,
        "deleted_at": None,
        "connect_to_docker_network": row.connect_network,
        "config_hash": None,
        "service_type": None,
        "is_container_label_escape_enabled": row.label_escape,
        "compose_parsing_version": "5",
        "server_status": rows.functional(row.server),
        "status": row.status,
        "server": servers.nested(row.server, rows, sensitive=False),
        "applications": [part(one, row) for one in row.parts if not one.database],
        "databases": [part(one, row) for one in row.parts if one.database],
    }
    if sensitive:
        shown["docker_compose_raw"] = row.raw
        shown["docker_compose"] = row.compose
        shown["destination"] = {
            "id": row.destination.id,
            "name": row.destination.name,
            "uuid": row.destination.uuid,
            "network": row.destination.name,
            "server_id": row.server.id,
            "server": servers.nested(row.server, rows, sensitive=True),
        }
    return shown


def service_alone(row: state.Service, rows: world.World, *, sensitive: bool) -> Json:
    """What `GET /services/{uuid}` shows: also the way up to the team."""
    owner = row.environment.project
    way = environment(row.environment) | {"project": project(owner) | {"team": team(owner.team)}}
    return service(row, rows, sensitive=sensitive) | {"environment": way}


def variable(row: state.Variable, version: str, *, sensitive: bool) -> Json:
    """A variable; its value only when `sensitive`, and never once it is `is_shown_once`."""
    shown: Json = {
        "uuid": row.uuid,
        "comment": row.comment,
        "is_buildpack_control": False,
        "is_buildtime": True,
        "is_coolify": row.key.startswith("SERVICE_"),
        "is_literal": row.is_literal,
        "is_multiline": row.is_multiline,
        "is_preview": False,
        "is_really_required": row.is_required and not row.value,
        "is_required": row.is_required,
        "is_runtime": True,
        "is_shared": False,
        "is_shown_once": row.is_shown_once,
        "key": row.key,
        "order": None,
        "version": version,
        "created_at": row.created,
        "updated_at": row.updated,
    }
    if sensitive and not row.is_shown_once:
        shown |= {"value": row.value, "real_value": dotenv.real_value(row)}
    return shown


def storage(row: state.Storage) -> Json:
    """A named volume or a bind."""
    shown: Json = {
        "id": row.id,
        "uuid": row.uuid,
        "mount_path": row.mount_path,
        "resource_type": "database" if row.part.database else "application",
        "resource_id": row.part.id,
        "resource_uuid": row.part.uuid,
        "created_at": row.created,
        "updated_at": row.created,
        "is_preview_suffix_enabled": True,
    }
    if row.file:
        return shown | {"fs_path": row.name, "content": None, "is_directory": True, "is_host_file": False}
    return shown | {"name": row.name, "host_path": None, "container_id": None}
