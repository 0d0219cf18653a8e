"""Claims about logs, metrics and the health endpoint."""
