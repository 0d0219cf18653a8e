"""Coolify's room against the stand-in, in process and under virtual time."""
