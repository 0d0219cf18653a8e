"""What the tests in a browser share."""

from __future__ import annotations

from tests.fixtures import chromium

__all__ = ["chromium"]
