"""Alerts: which are raised, that they are told once, and that they arrive."""
