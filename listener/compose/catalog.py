"""The templates that can be ordered: folders that were read, rendered once and found sound."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic
import yaml

from listener import errors
from listener.compose import document, limits, pack
from listener.compose.manifest import Manifest
from listener.compose.render import RenderContext, render
from listener.compose.template import Template

MANIFEST = "template.yaml"


def default_folder() -> Path:
    """The folder of the templates that come with the listener, in a wheel and in a checkout alike."""
    return Path(str(importlib.resources.files("templates")))


class Catalog:
    """Templates by slug, and the broken ones with what is wrong."""

    def __init__(
        self, templates: Mapping[str, Template], broken: Mapping[str, errors.Refusal] | None = None
    ) -> None:
        self._templates = dict(templates)
        self.broken: Mapping[str, errors.Refusal] = dict(broken or {})

    @classmethod
    def load(
        cls,
        *folders: Path,
        platform: Mapping[str, str] | None = None,
        require_digest: bool = False,
        set_aside: bool = False,
    ) -> Catalog:
        """Every template of the folders (without any: `default_folder()`); a later folder wins.

        `platform` are the platform's settings, by which an image may be replaced.
        Each is rendered for every tier of its manifest. Raises `Refusal` `TEMPLATE_BROKEN` naming file and
        field, or `GUARD_…`; with `require_digest` `GUARD_G16` for an image that is named by tag alone.
        With `set_aside` such a template is one of `broken` instead, also where an earlier folder has a sound
        one: nobody asked for that.
        """
        chosen = {path.name: path for path in paths(*(folders or (default_folder(),)))}
        found, broken = dict[str, Template](), dict[str, errors.Refusal]()
        for slug, path in chosen.items():
            try:
                found[slug] = read(path, platform or {})
                if require_digest:
                    pinned(found[slug])
            except errors.Refusal as refusal:
                if not set_aside:
                    raise
                found.pop(slug, None)
                broken[slug] = refusal
        return cls(found, broken)

    def get(self, slug: str) -> Template | None:
        """The template of that name, if there is a sound one."""
        return self._templates.get(slug)

    def slugs(self) -> tuple[str, ...]:
        """All names of sound ones, sorted."""
        return tuple(sorted(self._templates))


def paths(*folders: Path) -> list[Path]:
    """The folder of each template in these folders, later ones last; names with `_` or `.` first are none.

    Raises `Refusal` `TEMPLATE_BROKEN` for what is no folder.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise errors.Refusal(
                "TEMPLATE_BROKEN", f"{folder} is not a folder of templates.", fix="name one that is there"
            )
        found += [
            path
            for path in sorted(folder.iterdir())
            if path.is_dir() and not path.name.startswith(("_", "."))
        ]
    return found


def read(path: Path, platform: Mapping[str, str]) -> Template:
    """One template's folder, read and tried; raises `Refusal` as `Catalog.load` does."""
    template = parsed(path, platform)
    for trial in trials(template.manifest):
        render(template, context=trial.context())
    return template


def parsed(path: Path, platform: Mapping[str, str]) -> Template:
    """One template's folder, read but not tried; raises `Refusal` `TEMPLATE_BROKEN`."""
    manifest = _with_images(_manifest(path / MANIFEST), platform, path / MANIFEST)
    if manifest.slug != path.name:
        raise _broken(path / MANIFEST, f"slug: {manifest.slug} is not the folder's name")
    template = Template(
        manifest=manifest, source=_text(path / document.SOURCE), bundles=_bundles(path, manifest)
    )
    document.lint(template)
    return template


def undigested(template: Template) -> list[str]:
    """Images that are named by tag alone, which somebody may move."""
    return [image.reference for image in template.manifest.images.values() if image.digest is None]


def pinned(template: Template) -> None:
    """Return if every image has its digest; raise `GUARD_G16` otherwise."""
    if images := undigested(template):
        raise errors.Refusal(
            "GUARD_G16",
            f"The template {template.slug} names images by tag alone.",
            what=f"{template.slug}: {', '.join(images)} without digest",
            why="TEMPLATES_REQUIRE_DIGEST is set",
            fix="write the digest (sha256:…) into template.yaml, or unset TEMPLATES_REQUIRE_DIGEST",
        )


def tiers(manifest: Manifest) -> tuple[str, ...]:
    """The tiers that the manifest has figures for, in its order."""
    names = [tier for service in manifest.services.values() for tier in service.limits]
    return tuple(dict.fromkeys(names))


def offered(manifest: Manifest, tier: str) -> tuple[frozenset[str], ...]:
    """No option, and every option that the tier has figures for."""
    has = frozenset(one.option for one in manifest.services.values() if one.option and tier in one.limits)
    return (frozenset(), has) if has else (frozenset(),)


@dataclass(frozen=True, slots=True)
class Trial:
    """One way in which a template may be ordered."""

    manifest: Manifest
    tier: str
    domain: str | None
    options: frozenset[str]

    def context(self) -> RenderContext:
        """The identity of a stack ordered so; raises `Refusal` as `limits.effective` does."""
        return RenderContext(
            inst="00000000",
            tenant_id="trial",
            tenant_slug="trial",
            stack_id="trial",
            stack_name="trial",
            tier=self.tier,
            limits=limits.effective(
                self.manifest, tier=self.tier, overrides={}, wish=None, options=self.options
            ),
            domain=self.domain,
        )


def trials(manifest: Manifest) -> Iterator[Trial]:
    """Every tier, with and without a domain, without and with the options that it has."""
    for tier in tiers(manifest):
        for domain in (None, "trial.example.org") if manifest.web else (None,):
            for options in offered(manifest, tier):
                yield Trial(manifest, tier, domain, options)


def _manifest(file: Path) -> Manifest:
    try:
        raw: Any = yaml.safe_load(_text(file))
        return Manifest.model_validate_json(json.dumps(raw))
    except pydantic.ValidationError as error:
        raise _broken(file, "; ".join(_fields(error))) from error
    except yaml.YAMLError as error:
        raise _broken(file, " ".join(str(error).split())) from error
    except (TypeError, re.error) as error:
        raise _broken(file, str(error)) from error


def _with_images(manifest: Manifest, platform: Mapping[str, str], file: Path) -> Manifest:
    """The manifest with the images that the platform's settings name."""
    images = {}
    for key, image in manifest.images.items():
        reference = platform.get(image.replaced_by or "", "")
        try:
            images[key] = image.replaced(reference) if reference else image
        except ValueError as error:
            raise _broken(file, f"images.{key}: {error}") from error
    return manifest.model_copy(update={"images": images})


def _fields(error: pydantic.ValidationError) -> Iterable[str]:
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in item["loc"]) or "manifest"
        yield f"{place}: {item['msg']}"


def _bundles(path: Path, manifest: Manifest) -> dict[str, str]:
    bundles = {}
    for key, name in manifest.bundles.items():
        source = (path / name).resolve()
        if not source.is_relative_to(path.resolve()):
            raise _broken(path / MANIFEST, f"bundles.{key}: {name} is outside the template's folder")
        try:
            bundles[key] = pack.packed(source)
        except (OSError, ValueError) as error:
            raise _broken(path / MANIFEST, f"bundles.{key}: {error}") from error
    return bundles


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(file, f"cannot be read ({type(error).__name__})") from error


def _broken(file: Path, field: str) -> errors.Refusal:
    return errors.Refusal(
        "TEMPLATE_BROKEN",
        f"The template {file.parent.name} is broken.",
        what=f"{file.parent.name}/{file.name}: {field}",
        fix="correct the template's folder",
    )
