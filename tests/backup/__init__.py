"""Backups with the real restic: what is copied, that it comes back whole, and what goes wrong on the way."""
