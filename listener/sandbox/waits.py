"""The product's waits, shortened for one machine where everything answers at once."""

from __future__ import annotations

from listener import contract

SHORT = contract.Waits(
    beat=1.0,
    lease_stale=3.0,
    takeover=5.0,
    confirm=1.0,
    settle=3.0,
    settle_lists=0.3,
    two_looks=2.0,
    resync=10.0,
    poll=1.0,
    poll_busy=0.25,
    absence=5.0,
    deploy=20.0,
    stop=10.0,
    purge=2.0,
    slow_retry=15.0,
    alert=2.0,
    alert_group=0.5,
    backoff_first=0.2,
    backoff_last=5.0,
    breaker_probe=1.0,
    drain=5.0,
    servers=5.0,
    project=0.3,
)
"""Seconds. Nothing but these differs from production."""
