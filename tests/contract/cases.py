"""What a case is, and where all of them come from."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml

FOLDER = Path(__file__).parent / "cases"
RECORDED = "Coolify 4.3.10, recorded"


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Step(_Model):
    """One request and what its answer must be, or a turn of the stand-in (never in a real case)."""

    ask: str = ""
    """Method and path below `/api/v1`; a path that begins with `/api/` is whole."""
    token: str = "root"
    json_body: Any = pydantic.Field(None, alias="json")
    compose: Any = None
    """Text or document; sent as canonical base64 in `docker_compose_raw`."""
    raw: str | None = None
    """The body as it stands, instead of `json`."""
    headers: dict[str, str] = {}
    status: int = 200
    body: Any = None
    text: str | None = None
    answer_headers: dict[str, Any] = {}
    keep: dict[str, str] = {}
    """Name of a variable → where it stands in the answer, as `applications.0.uuid`."""
    within: float = 0
    """Seconds during which the request is repeated until the answer is as expected."""
    times: int = 1
    """How often the request is made; each answer must be as expected."""
    turn: dict[str, Any] = {}
    """Knobs of the stand-in."""
    run_jobs: bool = False
    hand: dict[str, Any] = {}


class Case(_Model):
    """A sequence of requests. Variables: `${unique}`, `${host}`, `${server}`, and what the needs make."""

    name: str
    real: bool
    """A real instance can run it: one token with all abilities, one server, no control of jobs."""
    source: str = RECORDED
    needs: Literal["nothing", "project", "service", "two servers"] = "nothing"
    """`project` makes `${project}`; `service` also `${service}` with the compose services web and db."""
    steps: tuple[Step, ...]

    @property
    def makes_projects(self) -> bool:
        """Something has to be removed afterwards."""
        return self.needs != "nothing" or any(step.ask.startswith("POST /projects") for step in self.steps)

    @pydantic.model_validator(mode="after")
    def _honest(self) -> Case:
        standin = any(
            s.turn or s.run_jobs or s.hand or s.token not in ("root", "none", "wrong") for s in self.steps
        )
        if self.real and (standin or self.needs == "two servers"):
            raise ValueError(f"{self.name}: a real instance cannot run this")
        return self


@functools.cache
def load() -> tuple[Case, ...]:
    """All cases. An entry with `for: {name: [values]}` stands for one case a value, with `${name}` put in."""
    found: list[Case] = []
    for file in sorted(FOLDER.glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text(encoding="utf-8")):
            found += [Case.model_validate(one) for one in _each(entry)]
    return tuple(found)


def _each(entry: dict[str, Any]) -> list[dict[str, Any]]:
    if "for" not in entry:
        return [entry]
    ((name, values),) = entry["for"].items()
    rest = {key: value for key, value in entry.items() if key != "for"}
    return [put_in(rest, {name: value}) | {"name": f"{entry['name']}: {value!r}"[:120]} for value in values]


def put_in(value: Any, variables: dict[str, Any]) -> Any:
    """The value with each `${name}` replaced; a text that is only `${name}` becomes the variable itself."""
    if isinstance(value, dict):
        return {put_in(key, variables): put_in(inner, variables) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [put_in(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value
    for name, content in variables.items():
        if value == f"${{{name}}}":
            return content
        value = value.replace(f"${{{name}}}", str(content))
    return value
