"""Names, labels, and one registry per listener."""

from __future__ import annotations

from listener.telemetry.metrics import Metrics

LABELS = {
    "controller", "result", "outcome", "lane", "method", "code", "upstream", "reason", "status", "health",
    "since", "template", "server", "resource", "version", "schema", "python", "coolify_version",
}  # fmt: skip
"""Words of ours, of HTTP, of templates and of servers."""


def test_every_name_begins_with_cloudfreedom() -> None:
    for family in Metrics().registry.collect():
        assert family.name.startswith("cloudfreedom_")


def test_no_label_can_hold_the_id_of_a_record() -> None:
    for metric in vars(Metrics()).values():
        assert set(getattr(metric, "_labelnames", ())) <= LABELS


def test_two_listeners_in_one_process_do_not_share_a_registry() -> None:
    one, two = Metrics(), Metrics()
    one.reconcile_total.labels("toys", "settled").inc()
    assert b'cloudfreedom_reconcile_total{controller="toys",result="settled"} 1.0' in one.text()
    assert b'result="settled"' not in two.text()


def test_what_is_told_at_a_scrape_is_of_that_moment() -> None:
    one, now = Metrics(), [1.0]
    one.on_scrape(lambda: one.orphans.set(now[0]))
    assert b"cloudfreedom_orphans 1.0" in one.text()
    now[0] = 2.0
    assert b"cloudfreedom_orphans 2.0" in one.text()
