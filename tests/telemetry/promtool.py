"""`promtool`, and the rules as it and we read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

RULES = Path(__file__).parents[2] / "systemd" / "prometheus" / "cloudfreedom.rules.yaml"


def rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str) -> str:
    """What it printed; fails when it did. Without it the test is skipped, but not where CI is set."""
    path = shutil.which("promtool")
    if path is None and not os.environ.get("CI"):
        pytest.skip("promtool is not installed")
    assert path is not None, "promtool is missing: apt-get install --no-install-recommends prometheus"
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Claim(NamedTuple):
    """With a sample a minute of these series, after an hour, the expression has these label sets, each 1."""

    series: Mapping[str, str]
    expr: str
    labels: tuple[str, ...] = ()


def holds(folder: Path, *claims: Claim) -> None:
    """Every claim holds under our rules; what `promtool` prints of one that does not names its expression."""
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in claim.series.items()],
            "promql_expr_test": [
                {
                    "expr": claim.expr,
                    "eval_time": "1h",
                    "exp_samples": [{"labels": labels, "value": 1} for labels in claim.labels],
                }
            ],
        }
        for claim in claims
    ]
    file = folder / "unit.yaml"
    unit = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(unit))
    promtool("test", "rules", str(file))
