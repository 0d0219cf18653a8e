"""The data model of `pb_schema`, read and checked: collections, rules, seeds."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

VERSION = 4
"""Written to `listener_meta.schema_version`; raised with every change of `pb_schema` that code relies on."""

ACTS = ("list", "view", "create", "update", "delete")
"""The five rules of a collection."""

Json = dict[str, Any]
"""A JSON object as PocketBase sends it; keys that we do not name must survive the way back."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Index(_Strict):
    """An index; rows in which a column of `unless` has that value are left out."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    unless: dict[str, str] = {}

    def sql(self, table: str) -> str:
        """The statement that PocketBase stores, byte for byte."""
        columns = ", ".join(f"`{column}`" for column in self.columns)
        where = " AND ".join(f"`{column}` != '{value}'" for column, value in self.unless.items())
        kind = "UNIQUE INDEX" if self.unique else "INDEX"
        return f"CREATE {kind} `{self.name}` ON `{table}` ({columns})" + (f" WHERE {where}" if where else "")


def _full(field: Any) -> Any:
    return {"type": field} if isinstance(field, str) else field


class Collection(_Strict):
    """One collection as it should be; see the head of `collections.yaml` for the words."""

    name: str
    kind: Literal["base", "auth", "view"] = "base"
    existing: Literal["required", "expected"] | None = None
    id: Literal["slug"] | None = None
    stamps: bool = True
    fields: dict[str, Annotated[Json, BeforeValidator(_full)]] = {}
    indexes: tuple[Index, ...] = ()
    options: Json = {}
    query: str = ""
    rules: dict[Literal["read", "list", "view", "create", "update", "delete"], str] = {}


class Narrowed(_Strict):
    """A rule that `--rules` sets, and what it takes from whom."""

    rule: str
    loses: str


class Rules(_Strict):
    """The expressions of `rules.yaml` and where they apply."""

    expressions: dict[str, str]
    tenant_path: dict[str, str]
    conditions: dict[str, dict[str, str]]
    guard: dict[str, dict[str, str]]
    protected: dict[str, tuple[str, ...]]
    narrowed: dict[str, dict[str, Narrowed]]


class Model(_Strict):
    """All of `pb_schema`; `seeds` is collection -> record id -> row."""

    collections: tuple[Collection, ...]
    rules: Rules
    seeds: dict[str, dict[str, Json]]


@cache
def load() -> Model:
    """The model of this release; raises pydantic's error if a file of the package is broken."""
    helps = _read("help")
    collections = [
        {"name": name, **_helped(body, helps.get(name, {}))} for name, body in _read("collections").items()
    ]
    return Model.model_validate(
        {"collections": collections, "rules": _read("rules"), "seeds": _read("seeds")}
    )


def _helped(body: Json, helps: dict[str, str]) -> Json:
    """The collection with its texts of `help.yaml`; raises KeyError for a field that it does not have."""
    fields = dict(body.get("fields", {}))
    for name, text in helps.items():
        fields[name] = {**_full(fields[name]), "help": text}
    return {**body, "fields": fields} if fields else body


def _read(name: str) -> Json:
    text = resources.files("pb_schema").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    content: Json = yaml.safe_load(text)
    return content
