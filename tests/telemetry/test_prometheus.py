"""What a running daemon shows at /metrics, and that rules, dashboard and docs speak of just that."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from listener.sandbox import people, world
from listener.telemetry.metrics import Metrics
from tests.telemetry import promtool

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "systemd" / "grafana" / "cloudfreedom.json"
TARGET_LABELS = {"job", "instance"}
"""Prometheus adds these."""
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
SELECTED = re.compile(r"(cloudfreedom_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"by \(([^)]*)\)")


@dataclass(frozen=True)
class Scraped:
    """A daemon's metrics after one stack came to run, and the ids that must not be in them."""

    text: str
    ids: tuple[str, ...]

    def families(self) -> list[Metric]:
        """As Prometheus reads them."""
        return list(text_string_to_metric_families(self.text))

    def value(self, name: str, **labels: str) -> float:
        """The one sample with this name and these labels."""
        samples = [sample for family in self.families() for sample in family.samples]
        (found,) = [one for one in samples if one.name == name and labels.items() <= one.labels.items()]
        return found.value


@asynccontextmanager
async def scraped(folder: Path) -> AsyncIterator[Scraped]:
    """One world, in which one stack has come to run."""
    async with world.running(folder) as place, people.owner(place.admin, place.pocketbase.url) as owner:
        record = await owner.create_stack("cf-telegrambot-acme-1234")
        path = f"/api/collections/agent_stacks/records/{record}"
        with anyio.fail_after(60):
            while (row := await people.ask(owner.http, "GET", path))["status"] != "running":
                await anyio.sleep(0.1)
            async with httpx.AsyncClient(base_url=place.health_url) as http:
                while not _is_whole(text := (await http.get("/metrics")).text):
                    await anyio.sleep(0.1)
        yield Scraped(text, (record, owner.tenant_id, row["coolify_service_uuid"]))


def _is_whole(text: str) -> bool:
    """It knows Coolify's version, and its own renewal came back."""
    return "cloudfreedom_build_info{" in text and "cloudfreedom_event_lag_seconds_count 0.0" not in text


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """Scraped once for this file."""
    folder = tmp_path_factory.mktemp("scraped")
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(scraped(folder)) as found:
        yield found


def names(families: list[Metric]) -> set[str]:
    """Every name that a query may use."""
    return {family.name + ending for family in families for ending in ENDINGS[family.type]}


def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text())


def queries() -> list[str]:
    """Of all panels and all rules."""
    targets = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    variables = [one["query"]["query"] for one in dashboard()["templating"]["list"] if one["type"] == "query"]
    return [*targets, *variables, *(rule["expr"] for rule in promtool.rules())]


def labels_of(name: str) -> set[str]:
    """What a metric is declared with."""
    bare = name.removeprefix("cloudfreedom_")
    for ending in ("", "_bucket", "_sum", "_count"):
        if bare.endswith(ending) and (known := getattr(Metrics(), bare.removesuffix(ending), None)):
            return {*known._labelnames, *TARGET_LABELS, *(["le"] if ending == "_bucket" else [])}
    raise AssertionError(f"{name} is not declared")


def test_every_metric_of_rules_and_dashboard_is_what_a_daemon_shows(daemon: Scraped) -> None:
    used = {name for query in queries() for name, _ in SELECTED.findall(query)}
    assert used - names(daemon.families()) == set()
    assert len(used) > 25


def test_a_daemon_shows_what_the_code_declares_and_nothing_else(daemon: Scraped) -> None:
    assert names(daemon.families()) == names(list(Metrics().registry.collect()))


def test_the_table_of_operations_names_exactly_what_a_daemon_shows(daemon: Scraped) -> None:
    told = re.findall(r"^\| `(cloudfreedom_\w+)` \|", (ROOT / "OPERATIONS.md").read_text(), re.MULTILINE)
    shown = {f.name + ("_total" if f.type == "counter" else "") for f in daemon.families()}
    assert sorted(told) == sorted(shown)


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_a_query_asks_for_labels_that_its_metrics_have(query: str) -> None:
    known: set[str] = set()
    for name, selector in SELECTED.findall(query):
        known |= labels_of(name)
        assert set(re.findall(r"(\w+) ?(?:=~|!~|!=|=)", selector)) <= labels_of(name)
    grouped = {label.strip() for group in GROUPED.findall(query) for label in group.split(",")}
    assert grouped <= known


def test_the_dashboards_queries_are_valid(tmp_path: Path) -> None:
    exprs = [query.replace("$job", "any") for query in queries() if not query.startswith("label_values")]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    file = tmp_path / "panels.yaml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool.promtool("check", "rules", str(file))


def test_legends_and_texts_name_labels_that_their_query_keeps() -> None:
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            named = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            kept = {label for name, _ in SELECTED.findall(target["expr"]) for label in labels_of(name)}
            groups = [set(re.split(r", ?", group)) for group in GROUPED.findall(target["expr"])]
            assert named <= (groups[0] if groups else kept), target
    for rule in promtool.rules():
        named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        groups = [set(re.split(r", ?", group)) for group in GROUPED.findall(rule["expr"])]
        kept = {label for name, _ in SELECTED.findall(rule["expr"]) for label in labels_of(name)}
        assert named <= (groups[0] if groups else kept), rule["alert"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in panels)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_no_id_of_a_record_or_service_is_in_what_a_daemon_shows(daemon: Scraped) -> None:
    assert [one for one in daemon.ids if one in daemon.text] == []


def test_a_daemon_tells_of_the_stack_that_came_to_run(daemon: Scraped) -> None:
    assert daemon.value("cloudfreedom_leader_election_master_status") == 1
    assert daemon.value("cloudfreedom_stacks", status="running") == 1
    for since in ("deploy", "created"):
        counted = {"template": "telegram-bot", "since": since}
        assert daemon.value("cloudfreedom_stack_ready_seconds_count", **counted) == 1
    assert daemon.value("cloudfreedom_tenant_ready_seconds_count") == 1
    assert daemon.value("cloudfreedom_event_lag_seconds_count") >= 1
    assert daemon.value("cloudfreedom_coolify_budget_limit") == 100_000
    assert daemon.value("cloudfreedom_reconcile_total", controller="agent_stacks", result="bug") == 0
    asked = {"upstream": "coolify", "code": "201", "method": "POST"}
    assert daemon.value("cloudfreedom_rest_client_requests_total", **asked) >= 2
    assert 0 <= daemon.value("cloudfreedom_sweep_age_seconds") < 60
    assert 0 <= daemon.value("cloudfreedom_list_age_seconds") < 60
    memory = daemon.value("cloudfreedom_server_promised", resource="memory_bytes")
    assert memory >= 2**27
