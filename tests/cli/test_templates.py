"""`cloudfreedom templates`: every way to order every template, judged without PocketBase and Coolify."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from listener.cli.exits import Exit
from listener.compose import catalog
from tests.cli.commands import cloudfreedom
from tests.compose.conftest import PAIR_MANIFEST, PAIR_SOURCE, write_pair

DIGEST = "sha256:" + "0" * 64
HELP = "help: {en: x, de: x}"
MADE = f"""parameters:
  - {{name: WITH_EXTRA, type: boolean, default: "true", {HELP}}}
  - {{name: ADMIN_PASSWORD, type: secret, generated: password, {HELP}}}
  - {{name: LICENCE, type: text, required: true, set_by: staff, {HELP}}}
  - {{name: ROUTER, type: url, required: true, from_platform: ROUTER_BASE_URL, {HELP}}}
"""
OPTION = PAIR_MANIFEST.replace("parameters:\n", MADE).replace(
    "  extra:\n", "  extra:\n    option: WITH_EXTRA\n"
)
PINNED = PAIR_MANIFEST.replace('tag: "2.1"', f'tag: "2.1", digest: "{DIGEST}"')


@pytest.mark.long
async def test_every_template_in_use_is_listed_shown_and_good() -> None:
    listed = await cloudfreedom({}, "templates", "list", "--json")
    slugs = [row["template"] for row in json.loads(listed.out)]
    assert (listed.code, slugs) == (Exit.DONE, list(catalog.Catalog.load().slugs()))
    checked = await cloudfreedom({}, "templates", "check")
    assert (checked.code, checked.err) == (Exit.DONE, ""), checked.text
    assert all(f"\n{slug} " in checked.out for slug in slugs)
    assert " 0 refused." in checked.out
    for slug in slugs:
        shown = await cloudfreedom({}, "templates", "show", slug, "--json")
        assert (shown.code, json.loads(shown.out)["slug"]) == (Exit.DONE, slug)
    assert (await cloudfreedom({}, "templates", "show", slugs[0])).out.startswith(f"{slugs[0]} ")


async def test_an_unknown_template_is_refused_with_the_known_ones() -> None:
    done = await cloudfreedom({}, "templates", "show", "no-such")
    assert (done.code, "telegram-bot" in done.err) == (Exit.REFUSED, True), done.text


async def test_tiers_domains_and_options_are_tried_with_made_up_secrets(tmp_path: Path) -> None:
    write_pair(tmp_path, manifest=OPTION)
    done = await cloudfreedom({}, "templates", "check", str(tmp_path), "--json")
    told = json.loads(done.out)
    ways = [(row["tier"], bool(row["domain"]), row["options"], row["result"]) for row in told["rows"]]
    assert (done.code, ways) == (
        Exit.DONE,
        [
            ("starter", False, "", "good"),
            ("starter", True, "", "good"),
            ("team", False, "", "good"),
            ("team", False, "WITH_EXTRA", "good"),
            ("team", True, "", "good"),
            ("team", True, "WITH_EXTRA", "good"),
        ],
    )
    with_extra = told["rows"][3]
    assert "extra: 1 cpus, 1024M, 128 pids" in with_extra["services"]
    assert with_extra["characters"] > told["rows"][2]["characters"] > 1000
    assert told["warnings"] == [
        "pair: registry.example.org/app:2.1 without digest: somebody may move the tag"
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("slug: pair", "slug: bear", "TEMPLATE_BROKEN: pair/template.yaml: slug"),
        ("    network_mode: none\n", "    network_mode: host\n", "GUARD_G02: G02 init-perms: network_mode"),
        ("sample: {MODE: loud}", "sample: {NO_SUCH: x}", "VARIABLE_UNKNOWN: NO_SUCH is not a variable"),
        ("starter: {cpus: 1,", "starter: {cpus: 0.4,", "LIMITS_BELOW_FLOOR: pair/app needs at least"),
    ],
    ids=["broken", "guard", "sample", "floor"],
)
async def test_what_is_refused_stands_in_its_row(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in PAIR_MANIFEST + PAIR_SOURCE
    path = write_pair(
        tmp_path, manifest=PAIR_MANIFEST.replace(old, new), source=PAIR_SOURCE.replace(old, new)
    )
    done = await cloudfreedom({}, "templates", "check", str(path))
    assert (done.code, told in done.out) == (Exit.REFUSED, True), done.text
    assert len(re.findall(r"^fix pair: .+", done.out, re.MULTILINE)) == 1, done.text


@pytest.mark.long
async def test_a_digest_can_be_demanded(tmp_path: Path) -> None:
    demanded = {"TEMPLATES_REQUIRE_DIGEST": "true"}
    write_pair(tmp_path / "open")
    write_pair(tmp_path / "pinned", manifest=PINNED)
    done = await cloudfreedom(demanded, "templates", "check", str(tmp_path / "open"))
    assert (done.code, "GUARD_G16: pair: registry.example.org/app:2.1" in done.out) == (Exit.REFUSED, True)
    done = await cloudfreedom(demanded, "templates", "check", str(tmp_path / "pinned"))
    assert (done.code, "warning" in done.out) == (Exit.DONE, False), done.text
    done = await cloudfreedom({**demanded, "TEMPLATES_DIR": str(tmp_path / "open")}, "templates", "list")
    assert (done.code, "error GUARD_G16" in done.err) == (Exit.REFUSED, True), done.text


async def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    done = await cloudfreedom({}, "templates", "check", str(tmp_path / "nowhere"))
    told = f"error TEMPLATE_BROKEN: {tmp_path / 'nowhere'} is not a folder of templates.\n"
    assert (done.code, done.err.startswith(told)) == (Exit.REFUSED, True), done.text


async def test_a_broken_template_in_use_is_told_with_file_and_field(tmp_path: Path) -> None:
    write_pair(tmp_path, manifest=PAIR_MANIFEST.replace("slug: pair", "slug: bear"))
    done = await cloudfreedom({"TEMPLATES_DIR": str(tmp_path)}, "templates", "list")
    assert (done.code, done.err.splitlines()) == (
        Exit.REFUSED,
        [
            "error TEMPLATE_BROKEN: The template pair is broken.",
            "  why: pair/template.yaml: slug: bear is not the folder's name",
            "  fix: correct the template's folder",
        ],
    )
