"""The two templates with state, in every tariff: with and without a domain, with and without LiteLLM."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml

from listener import errors
from listener.compose import catalog, limits, render, template, variables
from tests.verify import programs

from .conftest import PLATFORM, found, outcome

SHOP = catalog.Catalog.load()
AGENT, CHAT = found(SHOP, "openclaw-agent"), found(SHOP, "base-llm")
TIERS = ("starter", "team", "business", "sovereign")
DOMAINS = (None, "chat.example.org")
LITELLM = frozenset({"USE_LITELLM"})
ROUTER_KEY = {"OPENAI_API_KEY": "fake-router-key"}


def services(
    subject: template.Template,
    tier: str,
    domain: str | None = None,
    options: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The services of the guarded document."""
    granted = limits.effective(subject.manifest, tier=tier, overrides={}, wish=None, options=options)
    context = render.RenderContext("1a2b3c4d", "t1", "acme", "s1", "acme-1", tier, granted, domain)
    rendered: dict[str, Any] = render.render(subject, context=context).document["services"]
    return rendered


@pytest.mark.parametrize("subject", [AGENT, CHAT], ids=lambda one: one.slug)
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_parameter_but_an_option_reaches_a_container_by_its_own_name(
    subject: template.Template, tier: str, domain: str | None
) -> None:
    options = LITELLM if subject is CHAT and tier != "starter" else frozenset[str]()
    reached: dict[str, str] = {}
    for body in services(subject, tier, domain, options).values():
        reached |= body.get("environment", {})
    keys = {one.env_key for one in subject.manifest.parameters} - subject.manifest.options
    assert {key: value for key, value in reached.items() if key in keys} == {k: f"${{{k}}}" for k in keys}


@pytest.mark.parametrize(
    ("tier", "heap", "tools"),
    [
        ("starter", 1280, "messaging"),
        ("team", 1280, "messaging"),
        ("business", 2304, "coding"),
        ("sovereign", 3328, "coding"),
    ],
)
def test_the_agents_heap_leaves_768_mb_and_its_tools_follow_the_tariff(
    tier: str, heap: int, tools: str
) -> None:
    environment = services(AGENT, tier)["openclaw"]["environment"]
    assert environment["NODE_OPTIONS"] == f"--max-old-space-size={heap}"
    assert environment["CF_TOOLS_PROFILE"] == tools


def test_the_agent_is_not_offered_below_the_memory_it_dies_with() -> None:
    plan = {"openclaw-agent": {"openclaw": {"memory": "1G"}}}
    refusal = outcome(lambda: limits.effective(AGENT.manifest, tier="starter", overrides=plan, wish=None))
    assert isinstance(refusal, errors.Refusal)
    assert refusal.code == "LIMITS_BELOW_FLOOR"


def test_the_agents_configuration_holds_references_only_and_spends_nothing_by_itself() -> None:
    config = json.loads(base64.b64decode(AGENT.bundles["CF_CONFIG_B64"]))
    keys = (
        config["gateway"]["auth"]["token"],
        config["hooks"]["token"],
        config["models"]["providers"]["router"]["apiKey"],
    )
    assert keys == ("${OPENCLAW_GATEWAY_TOKEN}", "${OPENCLAW_HOOKS_TOKEN}", "${CLOUDFREEDOM_API_KEY}")
    assert config["models"]["mode"] == "replace"
    assert config["agents"]["defaults"]["heartbeat"] == {"every": "0m", "target": "none"}
    assert config["plugins"]["entries"]["memory-core"]["config"]["dreaming"] == {"enabled": False}
    assert config["gateway"]["controlUi"] == {"enabled": False}


def test_the_chat_believes_its_own_domain_only() -> None:
    for tier in TIERS:
        named = services(CHAT, tier, "chat.example.org")["openwebui"]["environment"]
        assert named["WEBUI_URL"] == named["CORS_ALLOW_ORIGIN"] == "https://chat.example.org"
        assert named["WEBUI_SESSION_COOKIE_SECURE"] == "true"
        bare = services(CHAT, tier)["openwebui"]["environment"]
        assert bare["CORS_ALLOW_ORIGIN"] != "*"
        assert "WEBUI_URL" not in bare


@pytest.mark.parametrize("tier", TIERS[1:])
@pytest.mark.parametrize("domain", DOMAINS)
def test_litellm_stands_between_chat_and_router_when_it_is_asked_for(tier: str, domain: str | None) -> None:
    without, with_it = services(CHAT, tier, domain), services(CHAT, tier, domain, LITELLM)
    assert with_it.keys() - without.keys() == {"litellm"}
    for body, address in ((without, '"$$ROUTER_BASE_URL"'), (with_it, '"http://litellm:4000/v1"')):
        assert f"OPENAI_API_BASE_URL={address}" in body["openwebui"]["command"][-1]
    assert "expose" not in with_it["litellm"]


def test_litellm_takes_every_model_with_the_tenants_key_and_lets_nobody_in_without_its_own() -> None:
    config = yaml.safe_load(base64.b64decode(CHAT.bundles["CF_LITELLM_B64"]))
    (entry,) = config["model_list"]
    assert entry["model_name"] == "*"
    assert entry["litellm_params"]["api_key"] == "os.environ/CLOUDFREEDOM_API_KEY"
    assert config["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}


def test_litellm_is_off_by_default_and_no_part_of_starter() -> None:
    resolved = variables.resolve(CHAT, ROUTER_KEY, platform=PLATFORM)
    assert resolved.options == frozenset()
    refusal = outcome(lambda: services(CHAT, "starter", options=LITELLM))
    assert isinstance(refusal, errors.Refusal)
    assert refusal.code == "OPTION_NOT_IN_TIER"


@pytest.mark.parametrize("tier", TIERS)
def test_root_hands_the_chats_volume_over_and_has_no_network(tier: str) -> None:
    body = services(CHAT, tier)
    init, main = body["init-perms"], body["openwebui"]
    assert (init["user"], init["cap_add"], init["network_mode"]) == ("0:0", ["CHOWN"], "none")
    assert main["depends_on"] == {"init-perms": {"condition": "service_completed_successfully"}}
    assert init["volumes"] == main["volumes"]


@pytest.mark.parametrize("subject", [AGENT, CHAT], ids=lambda one: one.slug)
def test_what_the_portals_dialog_sends_is_a_complete_order(subject: template.Template) -> None:
    dialog = {**ROUTER_KEY, "ANTHROPIC_API_KEY": "", "MODEL_PROVIDER": "openai"}
    if subject is AGENT:
        dialog["TELEGRAM_BOT_TOKEN"] = ""
    resolved = variables.resolve(subject, dialog, platform=PLATFORM)
    assert {"CLOUDFREEDOM_API_KEY", "ROUTER_BASE_URL"} <= {one.key for one in resolved.env}
    assert {one.name for one in resolved.unmade} == {
        one.name for one in subject.manifest.parameters if one.generated
    }


def test_the_versions_that_were_tried_are_those_that_are_ordered() -> None:
    tags = {name: image.tag for one in (AGENT, CHAT) for name, image in one.manifest.images.items()}
    assert tags == {
        "openclaw": f"{programs.OPENCLAW}-slim",
        "openwebui": f"v{programs.OPENWEBUI}-slim",
        "litellm": f"v{programs.LITELLM}",
    }
