"""What Coolify refuses to show says nothing about the stack."""

from __future__ import annotations

from handlers.eyes import Eyes
from listener import errors


async def must_matter(eyes: Eyes, error: errors.UpstreamRefusal) -> None:
    """The refusal is of something that was to be done; that of a read is raised as `Transient`, to be tried
    again. Raises `Global` when it is a 404 because another team answers."""
    if not error.code.startswith("COOLIFY") or not error.what.startswith("GET "):
        return
    if error.code == "COOLIFY_NOT_FOUND":
        await eyes.prove_team()
    raise errors.Transient(error.code, error.what, why=error.why) from error
