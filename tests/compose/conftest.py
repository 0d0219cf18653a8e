"""Templates to examine: the packaged ones, the small web page, and a pair with a volume made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from listener import errors
from listener.compose import catalog, limits, render, template

TEMPLATES = Path(__file__).parents[1] / "templates"

TOKEN = "1234567890:FAKE-fake-FAKE-fake-FAKE-fake-FAKE0"
PLATFORM = {"ROUTER_BASE_URL": "https://router.example.org/v1"}

PAIR_MANIFEST = """
slug: pair
version: "0.1.0"
title: {en: Pair, de: Paar}
description: {en: A service with a volume., de: Ein Dienst mit einem Volume.}
images:
  app: {name: registry.example.org/app, tag: "2.1"}
parameters:
  - {name: MODE, type: text, default: quiet, help: {en: Mode., de: Modus.}}
services:
  app:
    floor: {cpus: 0.5, memory: 512M, pids: 64}
    limits:
      starter: {cpus: 1, memory: 1G, pids: 128}
      team: {cpus: 2, memory: 2G, pids: 256}
  extra:
    floor: {cpus: 0.5, memory: 512M, pids: 64}
    limits:
      team: {cpus: 1, memory: 1G, pids: 128}
  init-perms:
    one_shot: true
    exempt: {G11: ownership of a fresh volume can be set by root only}
    floor: {cpus: 0.1, memory: 64M, pids: 16}
    limits:
      starter: {cpus: 0.25, memory: 64M, pids: 16}
      team: {cpus: 0.25, memory: 64M, pids: 16}
volumes:
  data: {service: app, quota: {starter: 1G, team: 2G}}
bundles: {APP_CONFIG_B64: config.json}
web: {service: app, port: 8080}
health: {known: true, deadline: 600}
sample: {MODE: loud}
"""

PAIR_SOURCE = """
services:
{% if limits.extra is defined %}
{% set service = "extra" %}
  extra:
    image: {{ images.app }}
    user: "1000:1000"
    healthcheck: {test: ["CMD", "true"], interval: "1m", timeout: "5s"}
{% include "hardening.yaml.j2" %}
{% endif %}
{% set service = "app" %}
  app:
    image: {{ images.app }}
    user: "1000:1000"
    command: ["serve", "--cost=$$5"]
    environment:
      MODE: ${MODE}
      APP_CONFIG_B64: {{ bundles.APP_CONFIG_B64 }}
{% if domain %}
      PUBLIC_URL: {{ "https://" ~ domain }}
{% endif %}
    volumes: ["data:/var/lib/app"]
    tmpfs: ["/tmp:size=64m,nosuid,nodev"]
    depends_on:
      init-perms: {condition: service_completed_successfully}
    healthcheck: {test: ["CMD", "true"], interval: "1m", timeout: "5s"}
{% include "hardening.yaml.j2" %}
{% set service = "init-perms" %}
  init-perms:
    image: {{ images.app }}
    user: "0:0"
    network_mode: none
    read_only: true
    cap_drop: [ALL]
    cap_add: [CHOWN]
    security_opt: ["no-new-privileges:true"]
    restart: "no"
    command: ["chown", "-R", "1000:1000", "/var/lib/app"]
    environment: {}
    volumes: ["data:/var/lib/app"]
    memswap_limit: {{ limits[service].memory }}
    deploy:
      resources:
        limits:
          cpus: {{ limits[service].cpus }}
          memory: {{ limits[service].memory }}
          pids: {{ limits[service].pids }}
    logging: {driver: json-file, options: {max-size: 1m, max-file: "1"}}
    labels:
      cf.platform: cloudfreedom
      cf.inst: {{ inst }}
      cf.tenant: {{ tenant_id }}
      cf.stack: {{ stack_id }}
      cf.template: {{ template.slug }}
      cf.template_version: {{ template.version }}
      cf.tier: {{ tier }}
volumes:
  data:
"""


def write_pair(folder: Path, *, manifest: str = PAIR_MANIFEST, source: str = PAIR_SOURCE) -> Path:
    """The pair as a template's folder inside `folder`."""
    path = folder / "pair"
    path.mkdir(parents=True, exist_ok=True)
    (path / "template.yaml").write_text(manifest, "utf-8")
    (path / "compose.yaml.j2").write_text(source, "utf-8")
    (path / "config.json").write_text('{"a": "${MODE}"}')
    return path


def context(
    subject: template.Template, *, tier: str = "team", domain: str | None = None, name: str = "acme-bot"
) -> render.RenderContext:
    """A stack's identity, with the tier's own limits."""
    granted = limits.effective(subject.manifest, tier=tier, overrides={}, wish=None)
    return render.RenderContext("1a2b3c4d", "tenant1", "acme", "stack1", name, tier, granted, domain)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> catalog.Catalog:
    """Every template there is."""
    folder = tmp_path_factory.mktemp("templates")
    write_pair(folder)
    return catalog.Catalog.load(catalog.default_folder(), TEMPLATES, folder)


@pytest.fixture(scope="session")
def bot(shop: catalog.Catalog) -> template.Template:
    """The packaged bot."""
    return found(shop, "telegram-bot")


@pytest.fixture(scope="session")
def web(shop: catalog.Catalog) -> template.Template:
    """The small web page."""
    return found(shop, "web")


@pytest.fixture(scope="session")
def pair(shop: catalog.Catalog) -> template.Template:
    """The service with a volume and a helper that runs once."""
    return found(shop, "pair")


Result = TypeVar("Result")


def outcome(call: Callable[[], Result]) -> Result | errors.Refusal:
    """What the call returns, or the refusal it raises."""
    try:
        return call()
    except errors.Refusal as refusal:
        return refusal


def found(shop: catalog.Catalog, slug: str) -> template.Template:
    """The template, which must be there."""
    subject = shop.get(slug)
    assert subject is not None
    return subject
