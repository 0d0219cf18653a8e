"""The drawing is a test: sizes, places, words that stand on two sides, and what the docs must name."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import handlers
import listener
import pb_schema
import templates
from handlers import messages, status
from handlers.alerting import kinds
from listener import contract, settings
from listener.cli import exits
from listener.compose import guard
from listener.telemetry import metrics

ROOT = Path(__file__).parent.parent
CODE = ("listener", "handlers", "templates", "pb_schema", "tests")
LONGEST_FILE = 300
LONGEST_FUNCTION = 40


def _sources() -> Iterator[Path]:
    for folder in CODE:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.name}", node


def _collections() -> Any:
    return yaml.safe_load((ROOT / "pb_schema" / "collections.yaml").read_text())


def test_the_tiers_that_a_tenant_can_have_are_seeded() -> None:
    tiers = yaml.safe_load((ROOT / "pb_schema" / "seeds.yaml").read_text())["plan_tiers"]
    assert set(_collections()["tenants"]["fields"]["plan_tier"]["values"]) == set(tiers)


def test_no_file_is_longer_than_300_lines() -> None:
    assert [str(p) for p in _sources() if len(p.read_text().splitlines()) > LONGEST_FILE] == []


def test_no_function_is_longer_than_40_lines() -> None:
    long = [
        name for name, node in _functions() if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_nothing_takes_a_dry_run_flag() -> None:
    named = [
        name
        for name, node in _functions()
        if any("dry_run" in argument.arg for argument in (*node.args.args, *node.args.kwonlyargs))
    ]
    assert named == []


def test_every_package_has_a_charter() -> None:
    bare = [
        str(path.relative_to(ROOT))
        for path in _sources()
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert bare == []


def test_our_four_packages_are_loaded_from_here() -> None:
    for package in (listener, handlers, templates, pb_schema):
        assert Path(str(package.__file__)).is_relative_to(ROOT)


def test_systemd_is_no_package() -> None:
    assert not (ROOT / "systemd" / "__init__.py").exists()


def test_nothing_names_a_place_outside_the_project() -> None:
    outside = re.compile(r"\.\./" + "shared|/wor" + "k/")
    tracked = [p for p in ROOT.iterdir() if p.is_file() and not p.name.startswith(".")]
    texts = [*tracked, *_sources(), *(ROOT / ".ci").iterdir(), *(ROOT / "templates").rglob("*.yaml")]
    assert [str(p) for p in texts if outside.search(p.read_text(errors="replace"))] == []


@pytest.mark.parametrize(
    ("words", "field"), [(status.Status, "status"), (status.Health, "health")], ids=["status", "health"]
)
def test_status_words_are_those_of_the_data_model(words: type[status.Status], field: str) -> None:
    values = _collections()["agent_stacks"]["fields"][field]["values"]
    assert {str(word) for word in words} <= set(values)


def test_every_message_speaks_both_languages_with_the_same_values() -> None:
    for code, (english, german) in messages.MESSAGES.items():
        holes = [set(re.findall(r"{(\w+)}", text)) for text in (english, german)]
        assert holes[0] == holes[1], code


def test_the_products_waits_are_what_the_design_says() -> None:
    wanted = {
        "beat": 5, "lease_stale": 15, "takeover": 25, "confirm": 150, "settle": 90, "settle_lists": 10,
        "two_looks": 60, "resync": 300, "poll": 60, "poll_busy": 5, "absence": 600, "deploy": 600,
        "stop": 300, "orphan": 86400, "purge": 3600, "slow_retry": 900, "backoff_first": 1,
        "backoff_last": 900, "breaker_probe": 10,
        "drain": 20, "servers": 600, "project": 10, "alert": 120, "alert_group": 10,
    }  # fmt: skip
    assert dataclasses.asdict(contract.Waits()) == wanted


def test_default_settings_leave_the_waits_as_they_are() -> None:
    made = settings.Settings(
        pocketbase_url="http://127.0.0.1:1",
        coolify_url="http://127.0.0.1:2",
        coolify_token="1|fake",
        coolify_server_uuid="s",
        _env_file=None,
    )
    assert made.waits() == contract.Waits()


def test_follow_one_record_names_real_functions() -> None:
    """Each hop of the README's walk is a file and a name in it."""
    text = (ROOT / "README.md").read_text()
    part = text[text.index("## Follow one record") :]
    hops = re.findall(r"`((?:listener|handlers)/[\w/]+\.py):([\w.]+)`", part)
    assert len(hops) >= 8
    for path, name in hops:
        source = (ROOT / path).read_text()
        assert re.search(rf"(def|class) {re.escape(name.rpartition('.')[2])}\b", source), (path, name)


def test_operations_names_every_setting_metric_status_rule_and_exit_code() -> None:
    text = (ROOT / "OPERATIONS.md").read_text()
    wanted = [f"`{name.upper()}`" for name in settings.Settings.model_fields]
    wanted += [f"`{family.name}" for family in metrics.Metrics().registry.collect()]
    wanted += [f"`{word}`" for word in (*status.Status, *status.Health, *status.TenantStatus)]
    wanted += [f"| {rule} |" for rule in guard.RULES]
    wanted += [f"| `{kind}` | {one.severity} |" for kind, one in kinds.KINDS.items()]
    wanted += [f"| {code.value} |" for code in exits.Exit]
    assert [word for word in wanted if word not in text] == []


def test_every_link_of_our_pages_leads_to_a_heading() -> None:
    """As GitHub names anchors: lower case, hyphens for blanks, the rest of the punctuation left out."""
    pages = [path.name for path in ROOT.glob("*.md")]
    anchors = {
        page: {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings}
        for page in pages
        for headings in [re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)]
    }
    links = [
        (page, file or page, anchor)
        for page in pages
        for file, anchor in re.findall(r"\]\(([\w.]*)#([\w-]+)\)", (ROOT / page).read_text())
    ]
    assert len(links) > 50
    assert [link for link in links if link[2] not in anchors[link[1]]] == []


def test_every_setting_has_a_row_with_a_sentence_and_no_other_has() -> None:
    text = (ROOT / "OPERATIONS.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.+) \|$", text, re.MULTILINE))
    assert set(rows) == {name.upper() for name in settings.Settings.model_fields}
    assert [name for name, sentence in rows.items() if not re.match(r"[A-Z].{10,}\.$", sentence)] == []
