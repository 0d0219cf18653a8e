"""Logs, metrics and the health endpoint: what a running listener tells about itself."""
