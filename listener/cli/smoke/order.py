"""What a smoke test orders: a stack of a template with its sample's values, and the change of its update."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers import records
from listener import errors
from listener.cli import draft as drafts
from listener.cli import envfile
from listener.cli.smoke import marker
from listener.compose.manifest import Manifest, Parameter
from listener.compose.template import Template
from listener.pocketbase.writer import Write

CHANGE = "smoke"
"""What the update sets a free text to."""


@dataclass(frozen=True, slots=True)
class Order:
    """What was typed."""

    template: str
    env_file: Path | None
    tier: str
    timeout: float
    """Seconds that one phase may take."""


def variables(order: Order, template: Template | None) -> dict[str, str]:
    """The sample's values, or those of `--env-file`; what no two stacks may share gets new digits.

    Raises `TEMPLATE_UNKNOWN`.
    """
    if template is None:
        raise errors.Refusal(
            "TEMPLATE_UNKNOWN",
            f"There is no template {order.template!r}.",
            why="no folder of templates has one of that name",
            fix="`cloudfreedom templates` shows all",
        )
    if order.env_file is not None:
        return envfile.read(order.env_file)
    unique = {one.name for one in template.manifest.parameters if one.unique}
    given = {name: str(value) for name, value in template.manifest.sample.items()}
    return {name: _fresh(value) if name in unique else value for name, value in given.items()}


def change(manifest: Manifest, given: Mapping[str, str]) -> dict[str, str] | None:
    """The variables with one free text more, which is an edit; None where the template takes none."""
    for one in manifest.parameters:
        if one.name not in given and _takes(one):
            return {**given, one.name: CHANGE}
    return None


def draft(mark: marker.Mark, order: Order, given: Mapping[str, str]) -> drafts.Draft:
    """The rows of tenant and stack, and the writes that make them."""
    tenant: dict[str, Any] = {
        "name": mark.name,
        "slug": mark.slug,
        "type": marker.TYPE,
        "status": "active",
        "plan_tier": order.tier,
    }
    stack: dict[str, Any] = {
        "tenant_id": mark.tenant_id,
        "stack_name": marker.STACK,
        "template": order.template,
        "desired_state": "running",
        "status": "pending",
        "config": {"env_vars": dict(given)},
    }
    writes = (
        Write("POST", records.TENANTS, mark.tenant_id, tenant),
        Write("POST", records.STACKS, mark.stack_id, stack),
    )
    owner = {**tenant, "id": mark.tenant_id}
    row = {**stack, "id": mark.stack_id, "action": "", "expand": {"tenant_id": owner}}
    return drafts.Draft(owner, row, writes, is_new=True)


def _takes(one: Parameter) -> bool:
    fits = one.pattern is None or re.fullmatch(one.pattern, CHANGE) is not None
    return one.type == "text" and one.is_given and not one.required and fits


def _fresh(value: str) -> str:
    """The value with other digits: of the same form, and plausible, and nobody's."""
    return re.sub(r"\d", lambda _: str(random.randint(1, 9)), value)  # noqa: S311 - no secret is made
