"""What goes wrong by itself: entries as in a file of faults, played at the stand-in and at the proxies."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from listener.sandbox import faults

CREATE: dict[str, Any] = {"method": "POST", "path": "^/services$"}
DEED: dict[str, Any] = {"method": "POST", "path": "^/(services|projects)"}
SAVE: dict[str, Any] = {"method": "POST", "path": "/api/batch"}
READ: dict[str, Any] = {"method": "GET", "path": "/api/collections"}

COOLIFY: tuple[dict[str, Any], ...] = (
    {"what": "status", "status": 500, "for": 4.0},
    {"what": "status", "status": 503, "times": 4, **DEED},
    {"what": "status", "status": 500, "times": 3, "effect": True, **DEED},
    {"what": "status", "status": 504, "times": 1, "effect": True, **CREATE},
    {"what": "stall", "times": 1, "effect": True, "for": 20.0, **DEED},
    {"what": "stall", "times": 2, "for": 20.0},
    {"what": "drop", "times": 3, "effect": True, **DEED},
    {"what": "drop", "times": 1, "effect": True, "for": 20.0, **CREATE},
    {"what": "drop", "times": 5},
    {"what": "status", "status": 429, "headers": {"Retry-After": 2}, "for": 3.0},
    {"what": "limit", "per_minute": 20, "for": 3.0},
    {"what": "garbage", "times": 4},
    {"what": "garbage", "times": 2, "effect": True, **DEED},
    {"what": "half", "times": 4},
    {"what": "delay", "seconds": 2.0, "for": 5.0},
    {"what": "lag", "seconds": 3.0, "for": 6.0},
    {"what": "status", "status": 401, "body": '{"message":"Unauthenticated."}', "for": 3.0},
    {"what": "status", "status": 404, "body": '{"message":"Service not found."}', "for": 3.0},
    {"what": "turn", "knobs": {"reachable": False}, "for": 4.0},
    {"what": "turn", "knobs": {"latency": 0.4}, "for": 6.0},
)
JOBS: tuple[dict[str, Any], ...] = (
    {"what": "hold", "times": 5, "for": 6.0},
    {"what": "reorder", "times": 6, "for": 4.0},
    {"what": "lose", "job": "start", "times": 1, "for": 10.0},
    {"what": "lose", "job": "stop", "times": 1, "for": 10.0},
)
POCKETBASE: tuple[dict[str, Any], ...] = (
    {"what": "cut"},
    {"what": "cut"},
    {"what": "deafen", "streams": True},
    {"what": "deafen"},
    {"what": "status", "status": 500, "times": 5},
    {"what": "status", "status": 503, "for": 3.0},
    {"what": "status", "status": 500, "times": 2, "effect": True, **SAVE},
    {"what": "status", "status": 401, "times": 3, **READ},
    {"what": "status", "status": 429, "times": 3, **SAVE},
    {"what": "drop", "times": 2, "effect": True, **SAVE},
    {"what": "stall", "times": 1, "for": 20.0, **SAVE},
    {"what": "garbage", "times": 3},
    {"what": "half", "times": 3},
    {"what": "delay", "seconds": 1.5, "for": 4.0},
    {"what": "slow", "seconds": 0.2, "for": 5.0},
    {"what": "refuse", "for": 3.0},
    {"what": "refuse", "for": 8.0},
)
_READER: pydantic.TypeAdapter[faults.Entry] = pydantic.TypeAdapter(
    Annotated[faults.Kind, pydantic.Field(discriminator="what")]
)


def entry(where: str, raw: dict[str, Any]) -> faults.Entry:
    """The fault, checked as one of a file is; one that counts ends after `for`, else after 10 s."""
    counted = "times" in raw and "for" not in raw
    return _READER.validate_python({"where": where, **({"for": 10.0} if counted else {}), **raw})
