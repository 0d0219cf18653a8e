"""Every kind of alert from a real cause, raised once and cleared once; `python -m tests.alerts.every`."""
