"""What a running listener leaves in PocketBase for the hooks: the catalogue, texts, host names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from handlers import catalogue, site, status
from listener import contract
from listener.compose import catalog as catalogs

PLATFORM = "apps.example.org"
RESERVED = (PLATFORM, "portal.example.org")
CATALOG = catalogs.Catalog.load(
    catalogs.default_folder(), platform={"ROUTER_BASE_URL": "https://router.example.org/v1"}
)
ROUTER = {"ROUTER_BASE_URL": "https://router.example.org/v1"}
SITE = site.Site(
    inst="0a1b2c3d",
    waits=contract.Waits(),
    voice=status.Voice("en", UTC),
    server_uuid="fake",
    destination_uuid="",
    environment="production",
    coolify_url="https://coolify.example.org",
    platform=ROUTER,
    platform_domain=PLATFORM,
    reserved=RESERVED,
)


async def publish(admin: httpx.AsyncClient) -> None:
    """Every template is in the catalogue, and the hooks know the site."""
    for slug in CATALOG.slugs():
        template = CATALOG.get(slug)
        assert template is not None
        row = {"id": slug, **catalogue.row(template, "en")}
        answer = await admin.post("/api/collections/agent_templates/records", json=row)
        assert answer.status_code == 200, answer.text
    answer = await admin.patch(
        "/api/collections/listener_meta/records/main", json=SITE.for_hooks(datetime.now(UTC))
    )
    assert answer.status_code == 200, answer.text


def codes(answer: httpx.Response) -> dict[str, str]:
    """Field -> code of ours, of a refused save."""
    assert answer.status_code == 400, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return {name: str(one["code"]).removeprefix("cloudfreedom_").upper() for name, one in data.items()}
