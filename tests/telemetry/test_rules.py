"""Each alert fires when it should and is quiet just before that, by Prometheus' own word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.telemetry import promtool

ROOT = Path(__file__).parents[2]
SEVERITIES = {"critical", "warning", "info"}


class Case(NamedTuple):
    """Series by name, as `promtool` writes values (`start+step x times`, one a minute)."""

    fires: dict[str, str]
    quiet: dict[str, str]


def gauge(name: str, fires: str, quiet: str) -> Case:
    """One series of each."""
    name = f"cloudfreedom_{name}"
    return Case({name: fires}, {name: quiet})


def calls(bad: int) -> dict[str, str]:
    """Coolify's answers: 100 a minute, so many of them 429."""
    name = 'cloudfreedom_rest_client_requests_total{upstream="coolify", method="GET", code="%s"}'
    return {name % "200": f"0+{100 - bad}x60", name % "429": f"0+{bad}x60"}


def buckets(name: str, labels: str, bounds: dict[str, str]) -> dict[str, str]:
    """A histogram's buckets by upper bound."""
    return {f'cloudfreedom_{name}_bucket{{{labels}le="{bound}"}}': values for bound, values in bounds.items()}


def starts(limit: str) -> dict[str, str]:
    """Twelve starts an hour, each quicker than this bound and slower than the one below."""
    labels, bounds = 'template="base-llm", since="deploy", ', ("240", "300", "450", "600", "+Inf")
    return buckets(
        "stack_ready_seconds",
        labels,
        {each: "0+0.2x60" if float(each) >= float(limit) else "0x60" for each in bounds},
    )


LEADER = "cloudfreedom_leader_election_master_status"
WAIT = "coolify_budget_wait_seconds"
CASES = {
    "CloudFreedomListenerAbsent": Case({"up": "0x60"}, {LEADER: "_x55 0x5"}),
    "CloudFreedomNoLeader": Case(
        {f'{LEADER}{{instance="a"}}': "0x60", f'{LEADER}{{instance="b"}}': "0x60"},
        {f'{LEADER}{{instance="a"}}': "0x60", f'{LEADER}{{instance="b"}}': "1x60"},
    ),
    "CloudFreedomLeaseFlapping": gauge(
        "leader_election_master_status", "1x40 0 1 0 1 0 1x20", "1x40 0 1 0 1x20"
    ),
    "CloudFreedomSweepStale": gauge("sweep_age_seconds", "901x60", "899x60"),
    "CloudFreedomListStale": gauge("list_age_seconds", "601x60", "599x60"),
    "CloudFreedomStreamDeaf": gauge("echo_overdue_seconds", "31x60", "0x58 31x2"),
    "CloudFreedomEventLag": Case(
        buckets("event_lag_seconds", "", {"2.5": "0+0x60", "5": "0+12x60", "+Inf": "0+12x60"}),
        buckets("event_lag_seconds", "", {"1": "0+12x60", "2.5": "0+12x60", "+Inf": "0+12x60"}),
    ),
    "CloudFreedomBreakerOpen": gauge("breaker_open", "1x60", "0x59 1x1"),
    "CloudFreedomWithheld": gauge('withheld{reason="first_contact"}', "1x60", "0x40 1x20"),
    "CloudFreedomQueueOld": gauge("workqueue_oldest_seconds", "301x60", "299x60"),
    "CloudFreedomBug": gauge(
        'reconcile_total{controller="agent_stacks", result="bug"}', "0x30 1x30", "0x30 0x30"
    ),
    "CloudFreedomCoolifyErrors": Case(calls(11), calls(9)),
    "CloudFreedomBudgetExhausted": gauge(WAIT, "0 30x60", "30 0 0 0 30 0 0 0 30" + " 0 0 0 30" * 13),
    "CloudFreedomStacksInError": gauge('stacks{status="error", health="unknown"}', "1x60", "0x60"),
    "CloudFreedomStacksUnhealthy": Case(
        {'cloudfreedom_stacks{status="running", health="unhealthy"}': "1x60"},
        {'cloudfreedom_stacks{status="running", health="unknown"}': "5x60"},
    ),
    "CloudFreedomDeploysOverdue": gauge("stacks_overdue", "1x60", "0x55 1x5"),
    "CloudFreedomSlowStarts": Case(starts("450"), starts("300")),
    "CloudFreedomOrphans": gauge("orphans", "1x60", "0x60"),
    "CloudFreedomBrakeWaiting": gauge("brake_waiting", "2x60", "0x50 2x10"),
    "CloudFreedomStacksQueued": gauge("stacks_queued", "2x60", "0x35 2x25"),
    "CloudFreedomRoomLow": Case(
        {
            'cloudfreedom_server_total{server="a", resource="memory_bytes"}': "100x60",
            'cloudfreedom_server_free{server="a", resource="memory_bytes"}': "9x60",
        },
        {
            'cloudfreedom_server_total{server="a", resource="memory_bytes"}': "100x60",
            'cloudfreedom_server_free{server="a", resource="memory_bytes"}': "11x60",
        },
    ),
    "CloudFreedomDiskLow": gauge("disk_free_bytes", "10737418239x60", "10737418241x60"),
}


def test_the_rules_are_valid_and_every_one_has_its_case() -> None:
    promtool.promtool("check", "rules", str(promtool.RULES))
    assert [rule["alert"] for rule in promtool.rules()] == list(CASES)


def test_every_alert_fires_when_its_time_is_over(tmp_path: Path) -> None:
    claims = [
        promtool.Claim(
            case.fires,
            f'count by (alertname) (ALERTS{{alertname="{alert}", alertstate="firing"}})',
            (f'{{alertname="{alert}"}}',),
        )
        for alert, case in CASES.items()
    ]
    promtool.holds(tmp_path, *claims)


def test_every_alert_is_quiet_just_before(tmp_path: Path) -> None:
    claims = [
        promtool.Claim(case.quiet, f'ALERTS{{alertname="{alert}", alertstate="firing"}}')
        for alert, case in CASES.items()
    ]
    promtool.holds(tmp_path, *claims)


def test_a_standby_is_no_reason_for_an_alert(tmp_path: Path) -> None:
    series = {
        f'{LEADER}{{instance="a"}}': "1x60",
        f'{LEADER}{{instance="b"}}': "0x60",
        'cloudfreedom_withheld{instance="b", reason="lease"}': "1x60",
        'cloudfreedom_stacks_overdue{instance="b"}': "0x60",
        'cloudfreedom_lease_fence{instance="b"}': "7+12x60",
    }
    promtool.holds(tmp_path, promtool.Claim(series, "ALERTS"))


@pytest.mark.parametrize("rule", promtool.rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_where_help_stands(rule: dict[str, dict[str, str]]) -> None:
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in SEVERITIES
    file, _, anchor = notes["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_every_section_of_alerts_is_some_alerts_help_and_says_cause_and_fix() -> None:
    part = (ROOT / "OPERATIONS.md").read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    sections = dict(re.findall(r"^### (.+)\n\n((?:.+\n)+)", part, re.MULTILINE))
    helped = {rule["annotations"]["runbook"].partition("#")[2] for rule in promtool.rules()}
    assert {heading.lower().replace(" ", "-") for heading in sections} <= helped
    assert [heading for heading, text in sections.items() if text.count(". ") + text.count(": ") < 2] == []
