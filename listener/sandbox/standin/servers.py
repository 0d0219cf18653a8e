"""Servers as the API shows them."""

from __future__ import annotations

from typing import Any

from listener.sandbox.standin import state, world

_SETTINGS: dict[str, Any] = {
    "backup_compression_cpu_percentage": 25,
    "concurrent_builds": 2,
    "connection_timeout": 10,
    "delete_unused_networks": False,
    "deployment_queue_limit": 25,
    "disable_application_image_retention": False,
    "docker_cleanup_frequency": "0 0 * * *",
    "docker_cleanup_threshold": 80,
    "docker_version": None,
    "dynamic_timeout": 3600,
    "force_disabled": False,
    "force_docker_cleanup": True,
    "generate_exact_labels": False,
    "is_cloudflare_tunnel": False,
    "is_jump_server": False,
    "is_metrics_enabled": False,
    "is_sentinel_enabled": True,
    "is_swarm_manager": False,
    "is_swarm_worker": False,
    "is_terminal_enabled": True,
    "sentinel_metrics_history_days": 7,
    "sentinel_metrics_refresh_rate_seconds": 10,
    "sentinel_push_interval_seconds": 60,
    "server_disk_usage_check_frequency": "0 23 * * *",
    "server_disk_usage_notification_threshold": 80,
    "server_timezone": "UTC",
    "wildcard_domain": None,
}


def settings(row: state.Server, rows: world.World, *, sensitive: bool) -> dict[str, Any]:
    """A server's settings; its Sentinel token only when `sensitive`."""
    shown = {
        "id": row.id,
        "server_id": row.id,
        **_SETTINGS,
        "delete_unused_volumes": row.delete_unused_volumes,
        "is_build_server": row.build_server,
        "is_swarm_manager": row.swarm,
        "is_reachable": row.reachable and rows.knobs.reachable,
        "is_usable": row.usable,
        "created_at": row.created,
        "updated_at": row.created,
    }
    return shown | {"sentinel_token": "FAKE-SENTINEL-TOKEN"} if sensitive else shown


def listed(row: state.Server, rows: world.World, *, sensitive: bool) -> dict[str, Any]:
    """A server as `GET /servers` shows it."""
    return {
        "uuid": row.uuid,
        "name": row.name,
        "description": None,
        "ip": row.ip,
        "is_coolify_host": False,
        "is_reachable": row.reachable and rows.knobs.reachable,
        "is_usable": row.usable,
        "port": 22,
        "proxy": {"redirect_enabled": True},
        "settings": settings(row, rows, sensitive=sensitive),
        "user": "root",
    }


def nested(row: state.Server, rows: world.World, *, sensitive: bool) -> dict[str, Any]:
    """A server as it appears inside other rows, and in `GET /servers/{uuid}`."""
    return {
        "id": row.id,
        "uuid": row.uuid,
        "name": row.name,
        "description": None,
        "ip": row.ip,
        "port": 22,
        "user": "root",
        "team_id": row.team.id,
        "private_key_id": 1,
        "proxy": {"redirect_enabled": True},
        "created_at": row.created,
        "updated_at": row.created,
        "unreachable_count": 0,
        "deleted_at": None,
        "is_coolify_host": False,
        "settings": settings(row, rows, sensitive=sensitive),
    }
