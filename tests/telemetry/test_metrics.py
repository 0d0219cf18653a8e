"""Names, labels, and one registry per listener."""

from __future__ import annotations

from listener.telemetry.metrics import Metrics

LABELS = {"collection", "outcome", "lane", "method", "status"}


def test_every_name_begins_with_cloudfreedom() -> None:
    for family in Metrics().registry.collect():
        assert family.name.startswith("cloudfreedom_")


def test_no_label_can_hold_the_id_of_a_record() -> None:
    for metric in vars(Metrics()).values():
        assert set(getattr(metric, "_labelnames", ())) <= LABELS


def test_two_listeners_in_one_process_do_not_share_a_registry() -> None:
    one, two = Metrics(), Metrics()
    one.runs_total.labels("toys", "settled").inc()
    assert b'cloudfreedom_runs_total{collection="toys",outcome="settled"} 1.0' in one.text()
    assert b'outcome="settled"' not in two.text()
