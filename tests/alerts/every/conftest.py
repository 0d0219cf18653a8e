"""One PocketBase for every case; each begins with an empty one."""

from tests.handlers.conftest import catalog, prepared_database, upstream

__all__ = ["catalog", "prepared_database", "upstream"]
