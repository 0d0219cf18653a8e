"""What the guard accepts, others accept too: Compose itself, its published schema, and a security linter."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from listener.compose import catalog, guard, render, template

from .composer import VALUE, Compose, compose
from .conftest import TEMPLATES, context, found, write_pair
from .hostile import CORPUS

__all__ = ["compose"]

DURATIONS = {"stop_grace_period", "interval", "timeout", "start_period"}

ROOT = "CL-0018"
"""compose-lint's rule about root, which only a service that is exempt from G11 breaks, as the pair's does."""


def with_digests(subject: template.Template) -> template.Template:
    """The template as production pins it."""
    images = {
        key: image.model_copy(update={"digest": "sha256:" + "0" * 64})
        for key, image in subject.manifest.images.items()
    }
    return dataclasses.replace(subject, manifest=subject.manifest.model_copy(update={"images": images}))


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, guard.CheckedCompose]:
    """Every template ordered in every way, each as a file in a folder of its own."""
    folder = tmp_path_factory.mktemp("accepted")
    write_pair(folder)
    shop = catalog.Catalog.load(catalog.default_folder(), TEMPLATES, folder)
    files = {}
    for slug in shop.slugs():
        subject = with_digests(found(shop, slug))
        for n, trial in enumerate(catalog.trials(subject.manifest)):
            path = folder / "orders" / f"{slug}{n}" / "docker-compose.yml"
            path.parent.mkdir(parents=True)
            files[path] = render.render(subject, context=trial.context())
            path.write_text(files[path].text, "utf-8")
    return files


def compose_schema() -> Any:
    """The Compose specification's JSON schema (Apache 2.0), as the package check-jsonschema carries it."""
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.origin is not None
    return json.loads(
        Path(package.origin).with_name("builtin_schemas").joinpath("vendor/compose-spec.json").read_text()
    )


def test_the_published_schema_of_compose_agrees(accepted: dict[Path, guard.CheckedCompose]) -> None:
    schema = compose_schema()
    validator = jsonschema.validators.validator_for(schema)(schema)
    wrong = {
        path.parent.name: [error.message for error in validator.iter_errors(checked.document)]
        for path, checked in accepted.items()
    }
    assert len(wrong) > 10
    assert [(name, errors) for name, errors in wrong.items() if errors] == []


def test_compose_lint_objects_to_nothing_but_an_exempt_root(
    accepted: dict[Path, guard.CheckedCompose], tmp_path: Path
) -> None:
    flags = ["--no-env", "--fail-on", "low", "--format", "json"]
    result = subprocess.run(
        [sys.executable, "-m", "compose_lint", "check", *flags, *map(str, accepted)],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    found = json.loads(result.stdout)["findings"]
    named = {(one["rule_id"], one["service"]) for one in found}
    services = [one for made in accepted.values() for one in made.document["services"].items()]
    exempt = {(ROOT, name) for name, one in services if one["user"] == "0:0"}
    assert (named, result.returncode, bool(exempt)) == (exempt, 1, True), found


def seen(text: str) -> dict[str, tuple[Any, ...]]:
    """Command and variables of each service, as a container gets them."""
    services = yaml.safe_load(text)["services"]
    plain: dict[str, Any] = json.loads(json.dumps(services).replace("$$", "$"))
    return {
        name: (one.get("command"), one.get("environment") or {}, sorted(one["labels"].items()))
        for name, one in plain.items()
    }


def seconds(duration: str) -> int:
    """How long `1m30s` is."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"([0-9]+)([hms])", duration))


def normal(made: dict[str, Any]) -> dict[str, Any]:
    """The document with what may be written in several ways written in one; a single dollar for two."""
    plain: dict[str, Any] = json.loads(json.dumps(made).replace("$$", "$"))
    plain.pop("version", None)
    for one in plain["services"].values():
        figures = one["deploy"]["resources"]["limits"]
        figures["cpus"] = float(figures["cpus"])
        for part in (one, one.get("healthcheck", {})):
            part |= {key: seconds(part[key]) for key in DURATIONS & part.keys()}
        if "volumes" in one:
            one["volumes"] = [mount.removesuffix(":rw") for mount in one["volumes"]]
    if "volumes" in plain:
        plain["volumes"] = {name: body or None for name, body in plain["volumes"].items()}
    return plain


def structure(made: dict[str, Any]) -> str:
    """The services without variables and labels."""
    parts = {"environment", "labels"}
    return str([{k: v for k, v in one.items() if k not in parts} for one in made["services"].values()])


def references(made: dict[str, Any]) -> set[tuple[str, str]]:
    """Service and name of each variable that Coolify brings."""
    return {
        (name, key)
        for name, one in made["services"].items()
        for key, value in one.get("environment", {}).items()
        if value == f"${{{key}}}"
    }


@pytest.mark.long
@pytest.mark.timeout(300)
def test_compose_reads_what_was_written(
    compose: Compose, accepted: dict[Path, guard.CheckedCompose], tmp_path: Path
) -> None:
    unlike = {structure(made.document): made for made in accepted.values()}
    for checked in unlike.values():
        given = references(checked.document)
        sent = checked.document
        result = compose.config(tmp_path, sent, {key for _, key in given})
        assert (result.returncode, result.stderr) == (0, "")
        wanted = seen(checked.text)
        for name, key in given:
            wanted[name][1][key] = VALUE
            sent["services"][name]["environment"][key] = VALUE.replace("$", "$$")
        assert seen(result.stdout) == wanted
        if compose.is_first:
            assert normal(yaml.safe_load(result.stdout)) == normal(sent)


def test_compose_refuses_a_dependency_that_the_guard_refuses(
    compose: Compose, pair: template.Template, tmp_path: Path
) -> None:
    usual = render.render(pair, context=context(pair, domain="a.example.org")).document
    wrong = [one for one in CORPUS if one.code == "G00" and "/depends_on/init-perms" in one.place]
    assert len(wrong) > 2
    for one in wrong:
        assert compose.config(tmp_path, one.applied(usual), {"MODE"}).returncode != 0, one
