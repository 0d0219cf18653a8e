"""A stand-in that is served, as the contract's tests have it."""

from tests.contract.conftest import served

__all__ = ["served"]
