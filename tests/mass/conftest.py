"""A daemon as a process with a whole fleet takes minutes: the folder is long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures import chromium

__all__ = ["chromium"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is long."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.long)
            item.add_marker(pytest.mark.timeout(1200))
