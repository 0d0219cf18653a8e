"""The model's own files, and the pure parts: rule texts and what counts as present."""

from __future__ import annotations

import pytest

from listener.pocketbase import schema_diff, schema_model, schema_rules

MODEL = schema_model.load()
RULES = MODEL.rules
SIGNED_IN = RULES.expressions["signed_in"]
SERVICE = RULES.expressions["service"]
OWNER = "@request.auth.id = tenant_id.user_id"
BY_NAME = {collection.name: collection for collection in MODEL.collections}


def test_widening_gives_the_documented_texts() -> None:
    def widen(rule: str | None) -> str:
        return schema_rules.widened("tenants", "list", rule, RULES)

    assert widen(None) == f"{SIGNED_IN} && {SERVICE}"
    assert widen("") == widen(SIGNED_IN) == SIGNED_IN
    assert widen(OWNER) == f"{SIGNED_IN} && (({OWNER}) || {SERVICE})"


@pytest.mark.parametrize(
    "rule",
    [
        None,
        "",
        SIGNED_IN,
        OWNER,
        f"{SIGNED_IN} && {OWNER}",
        f"{SIGNED_IN} || {SERVICE}",
        'a = "(" || b = ")"',
    ],
)
@pytest.mark.parametrize(("collection", "act"), [("tenants", "list"), ("agent_stacks", "update")])
def test_widening_twice_is_widening_once_and_shuts_guests_out(
    rule: str | None, collection: str, act: str
) -> None:
    once = schema_rules.widened(collection, act, rule, RULES)
    assert schema_rules.widened(collection, act, once, RULES) == once
    assert not schema_rules.admits_guests(once, RULES)


@pytest.mark.parametrize("has_user_id", [True, False])
def test_narrowed_rules_are_closed_and_left_alone_by_widening(*, has_user_id: bool) -> None:
    for collection, acts in RULES.narrowed.items():
        assert tuple(acts) == schema_model.ACTS
        for act in acts:
            rule = schema_rules.narrowed(collection, act, RULES, has_user_id=has_user_id)
            assert schema_rules.widened(collection, act, rule, RULES) == rule
            assert ("user_id" in rule) is (has_user_id and "owners" in rule)


@pytest.mark.parametrize(
    ("rule", "admits"),
    [
        (None, False),
        ("", True),
        (OWNER, True),
        (SIGNED_IN, False),
        (f"{SIGNED_IN} && {OWNER}", False),
        (f"{SIGNED_IN} && {OWNER} || public = true", True),
        (f"{SIGNED_IN} && ({OWNER} || public = true)", False),
        (f"{SIGNED_IN} && name != '||'", False),
    ],
)
def test_a_guest_is_admitted_unless_signing_in_binds_the_whole_rule(
    rule: str | None, *, admits: bool
) -> None:
    assert schema_rules.admits_guests(rule, RULES) is admits


@pytest.mark.parametrize(
    ("sql", "is_present"),
    [
        ("CREATE UNIQUE INDEX idx_slug ON tenants (slug)", True),
        ('create unique index if not exists "condition_on" on "tenants" ( [slug] )', True),
        ("CREATE INDEX `idx_slug` ON `tenants` (`slug`)", False),
        ("CREATE UNIQUE INDEX `idx_slug` ON `tenants` (`slug`) WHERE slug != ''", False),
        ("CREATE INDEX `idx_tenants_slug` ON `tenants` (`name`)", True),
    ],
)
def test_an_index_is_present_by_name_or_by_content(sql: str, *, is_present: bool) -> None:
    missing = schema_diff.missing_indexes(BY_NAME["tenants"], {"indexes": [sql]})
    assert (missing == []) is is_present


def test_each_tier_of_the_seeds_is_a_choice_of_plan_tier_and_limits_name_known_templates() -> None:
    tiers = MODEL.seeds["plan_tiers"]
    assert list(tiers) == BY_NAME["tenants"].fields["plan_tier"]["values"]
    fields = BY_NAME["plan_tiers"].fields.keys()
    templates = set(BY_NAME["agent_stacks"].fields["template"]["values"])
    for row in tiers.values():
        assert row.keys() == fields
        assert row["limits"].keys() == templates


def test_protected_fields_exist_and_are_no_part_of_what_a_tenant_writes() -> None:
    fields = BY_NAME["agent_stacks"].fields
    written = {"tenant_id", "template", "stack_name", "domain", "desired_state", "action", "config"}
    assert fields.keys() - written - {"resource_limits", "status"} == set(RULES.protected["agent_stacks"])
