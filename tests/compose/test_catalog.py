"""The catalogue offers what works and names what does not."""

from __future__ import annotations

import base64
import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from listener import errors
from listener.compose import catalog, pack, render, template, variables

from .conftest import PAIR_MANIFEST, PAIR_SOURCE, PLATFORM, TEMPLATES, context, found, write_pair


def test_without_a_folder_the_packaged_templates_are_offered() -> None:
    assert "telegram-bot" in catalog.Catalog.load().slugs()
    assert catalog.Catalog.load().get("web") is None


def test_a_folder_of_ones_own_is_read_and_a_later_one_wins(tmp_path: Path) -> None:
    write_pair(tmp_path / "a")
    write_pair(tmp_path / "b", manifest=PAIR_MANIFEST.replace("0.1.0", "0.2.0"))
    (tmp_path / "b" / "_drafts").mkdir()
    (tmp_path / "b" / "README.md").touch()
    both = catalog.Catalog.load(tmp_path / "a", tmp_path / "b", TEMPLATES)
    assert both.slugs() == ("pair", "web")
    assert found(both, "pair").version == "0.2.0"


def test_a_broken_one_can_be_set_aside_and_is_not_replaced_by_one_that_it_replaced(tmp_path: Path) -> None:
    write_pair(tmp_path / "a")
    write_pair(tmp_path / "b", manifest="nonsense: true")
    both = catalog.Catalog.load(tmp_path / "a", TEMPLATES, tmp_path / "b", set_aside=True)
    assert (both.slugs(), both.get("pair"), list(both.broken)) == (("web",), None, ["pair"])
    assert both.broken["pair"].what.startswith("pair/template.yaml: ")
    pinned = catalog.Catalog.load(tmp_path / "a", require_digest=True, set_aside=True)
    assert (pinned.slugs(), pinned.broken["pair"].code) == ((), "GUARD_G16")


@pytest.mark.parametrize("slug", ["base-llm", "openclaw-agent", "telegram-bot", "web", "pair"])
def test_the_sample_of_every_manifest_is_a_complete_order(shop: catalog.Catalog, slug: str) -> None:
    subject = found(shop, slug)
    resolved = variables.resolve(subject, subject.manifest.sample, platform=PLATFORM)
    assert resolved.env


def test_packed_code_is_the_same_for_the_same_files_and_stays_small(
    bot: template.Template, tmp_path: Path
) -> None:
    copy = tmp_path / "bot"
    shutil.copytree(catalog.default_folder() / "telegram-bot" / "bot", copy)
    (copy / "telegram_bot" / "__pycache__").mkdir(exist_ok=True)
    (copy / "telegram_bot" / "__pycache__" / "x.pyc").touch()
    for number, file in enumerate(sorted(copy.rglob("*.py"), reverse=True)):
        os.utime(file, (number * 10_000_000, number * 10_000_000))
        file.chmod(0o600 if number % 2 else 0o755)
    text = bot.bundles["CF_BOT_B64"]
    assert pack.packed(copy) == text
    assert len(text) < pack.MAX_TEXT
    names = zipfile.ZipFile(io.BytesIO(base64.b64decode(text))).namelist()
    assert names[0] == "__main__.py"
    assert names == sorted(names)


def broken(tmp_path: Path, old: str, new: str) -> tuple[str, str]:
    """Code and place of the refusal for a pair in which one text was replaced."""
    assert old in PAIR_MANIFEST + PAIR_SOURCE
    write_pair(tmp_path, manifest=PAIR_MANIFEST.replace(old, new), source=PAIR_SOURCE.replace(old, new))
    with pytest.raises(errors.Refusal) as caught:
        catalog.Catalog.load(tmp_path)
    return caught.value.code, caught.value.what


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        pytest.param("slug: pair", "slug: bear", "template.yaml: slug", id="other name"),
        pytest.param("title:", "titel:", "template.yaml: title: Field required", id="typing error"),
        pytest.param('tag: "2.1"', "tag: 2.1", "images.app.tag", id="a number for a text"),
        pytest.param("slug: pair", "slug: [", "template.yaml: while parsing", id="no YAML"),
        pytest.param("name: MODE", "name: SERVICE_MODE", "SERVICE_MODE cannot be", id="Coolify's name"),
        pytest.param("default: quiet", "pattern: '('", "missing )", id="bad pattern"),
        pytest.param("type: text", "type: secret", "a secret has no default", id="default secret"),
        pytest.param(
            "default: quiet",
            "from_platform: X, aliases: [Y]",
            "neither default nor aliases",
            id="two sources",
        ),
        pytest.param("APP_CONFIG_B64", "LD_PRELOAD", "LD_PRELOAD cannot be", id="bundle as the loader"),
        pytest.param("  data: {service", "  d: {service", "volumes.d", id="one-letter volume"),
        pytest.param("config.json", "../x", "outside the template's folder", id="file elsewhere"),
        pytest.param("config.json", "none.json", "neither a file nor", id="no such file"),
        pytest.param("service: app, port", "service: nap, port", "web.service nap", id="web nowhere"),
        pytest.param("{ inst }", "{ instance }", "compose.yaml.j2: 'instance' is undefined", id="undefined"),
        pytest.param("{ inst }", "{ limits }", "a dict cannot stand", id="a mapping as a value"),
        pytest.param("{{ inst }}", "'{{ inst }}'", "stands alone", id="inside quotes"),
        pytest.param("{{ inst }}", "a{{ inst }}", "stands alone", id="after text"),
        pytest.param("{{ inst }}", "{{ inst }}b", "stands alone", id="before text"),
        pytest.param("cf.inst: {{ inst }}", "{{ inst }}: x", "stands alone", id="as a key"),
        pytest.param("{{ inst }}", "{{ inst", "compose.yaml.j2", id="no Jinja"),
        pytest.param("{{ inst }}", "{{ inst.__class__ }}", "unsafe", id="out of the sandbox"),
        pytest.param("cf.inst:", "cf.tenant:", "keys are texts and occur once", id="duplicate key"),
        pytest.param('restart: "no"', 'restart: &x "no"', "anchors, aliases and tags", id="anchor"),
        pytest.param('restart: "no"', "restart: !!str no", "anchors, aliases and tags", id="tag"),
        pytest.param("services:\n{% if", "- services:\n{% if", "compose.yaml.j2", id="no mapping"),
    ],
)
def test_a_broken_template_is_refused_by_file_and_field(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    code, where = broken(tmp_path, old, new)
    assert code == "TEMPLATE_BROKEN"
    assert where.startswith("pair/")
    assert what in where


def test_a_template_that_breaks_a_rule_is_refused_before_anyone_orders_it(tmp_path: Path) -> None:
    code, what = broken(tmp_path, 'restart: "no"', "restart: always")
    assert code == "GUARD_G19"
    assert "init-perms" in what


@pytest.mark.parametrize(
    ("source", "code"),
    [("text", "TEMPLATE_BROKEN"), ("services: 5", "GUARD_G29"), ("\x01", "TEMPLATE_BROKEN")],
)
def test_a_source_that_makes_no_services_is_refused(tmp_path: Path, source: str, code: str) -> None:
    write_pair(tmp_path, source=source)
    with pytest.raises(errors.Refusal) as caught:
        catalog.Catalog.load(tmp_path)
    assert caught.value.code == code


def test_names_used_twice_are_refused(tmp_path: Path) -> None:
    _, what = broken(tmp_path, "volumes:", "ignored: [MODE]\nvolumes:")
    assert "used twice: MODE" in what


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    (write_pair(tmp_path) / "compose.yaml.j2").unlink()
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(errors.Refusal, match="TEMPLATE_BROKEN"):
            catalog.Catalog.load(folder)


def test_a_bundle_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    (path / "config.json").write_text("x" * pack.MAX_TEXT)
    with pytest.raises(errors.Refusal, match="more than 49152"):
        catalog.Catalog.load(tmp_path)


PUBLISHED = f"ghcr.io/example/telegram-bot:1.2.3@sha256:{'0' * 64}"


def test_a_published_image_of_the_bot_takes_the_place_of_what_is_unpacked() -> None:
    shop = catalog.Catalog.load(platform={"TELEGRAM_BOT_IMAGE": PUBLISHED})
    subject = found(shop, "telegram-bot")
    bot = render.render(subject, context=context(subject)).document["services"]["bot"]
    assert (bot["image"], bot["command"]) == (PUBLISHED, ["python", "-I", "/opt/bot.zip"])
    assert bot["healthcheck"]["test"][3] == "/opt/bot.zip"
    assert "CF_BOT_B64" not in bot["environment"]


@pytest.mark.parametrize("reference", ["ghcr.io/example/bot:1.2.3", "bot@sha256:0", f"bot@{PUBLISHED[-71:]}"])
def test_an_image_in_the_bots_place_is_named_with_tag_and_digest(reference: str) -> None:
    with pytest.raises(errors.Refusal) as caught:
        catalog.Catalog.load(platform={"TELEGRAM_BOT_IMAGE": reference})
    assert "TELEGRAM_BOT_IMAGE must be of the form name:tag@sha256:" in caught.value.what


def test_a_digest_can_be_demanded_of_every_image(tmp_path: Path) -> None:
    write_pair(tmp_path)
    with pytest.raises(errors.Refusal) as caught:
        catalog.Catalog.load(tmp_path, require_digest=True)
    assert caught.value.code == "GUARD_G16"
    assert "registry.example.org/app:2.1" in caught.value.what
    write_pair(tmp_path, manifest=PAIR_MANIFEST.replace('"2.1"', f'"2.1", digest: "sha256:{"0" * 64}"'))
    assert catalog.Catalog.load(tmp_path, require_digest=True).slugs() == ("pair",)
