"""Tenants: the only place that makes, renames and deletes Coolify projects."""
