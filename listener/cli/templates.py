"""`cloudfreedom templates`: what can be ordered, and whether all of it passes the guard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from listener import app, errors
from listener.cli import configured, show
from listener.cli.exits import Exit
from listener.compose import catalog, render, schema, variables
from listener.compose.limits import Limits
from listener.compose.manifest import Manifest, Parameter
from listener.compose.template import Template

GOOD = "good"


@dataclass(frozen=True, slots=True)
class Row:
    """One way of ordering a template, and what came of it."""

    template: str
    tier: str = ""
    domain: str = ""
    options: str = ""
    services: str = ""
    """Each with its limits."""
    characters: int = 0
    """Of the base64 text that Coolify gets."""
    result: str = GOOD
    fix: str = ""


def show_list(*, as_json: bool) -> None:
    """Every template in use, by slug."""
    found = [
        {
            "template": one.slug,
            "version": one.version,
            "title": one.manifest.title.en,
            "tiers": ", ".join(catalog.tiers(one.manifest)),
            "services": ", ".join(one.manifest.services),
            "withdrawn": one.manifest.withdrawn,
        }
        for one in _in_use()
    ]
    if as_json:
        show.as_json(found)
        return
    show.columns([row | {"withdrawn": "yes" if row["withdrawn"] else ""} for row in found])
    show.line(f"{len(found)} template{'' if len(found) == 1 else 's'}.")


def show_one(slug: str, *, as_json: bool) -> None:
    """What a template consists of; raises `TEMPLATE_UNKNOWN`."""
    known = {one.slug: one for one in _in_use()}
    if slug not in known:
        raise errors.Refusal(
            "TEMPLATE_UNKNOWN", f"There is no template {slug}.", fix=f"there are {', '.join(sorted(known))}"
        )
    manifest = known[slug].manifest
    if as_json:
        told = manifest.model_dump(mode="json", exclude={"sample"})
        show.as_json(told | {"schema": schema.parameters(manifest)})
        return
    show.line(f"{manifest.slug} {manifest.version}: {manifest.title.en}. {manifest.description.en}")
    for table in (_images(manifest), _services(manifest), _volumes(manifest), _parameters(manifest)):
        if table:
            print()
            show.columns(table)


def check(folders: tuple[Path, ...], *, as_json: bool) -> Exit:
    """Every way to order every template is good, or 3."""
    settings, _ = configured.whatever()
    rows: list[Row] = []
    warnings: list[str] = []
    for path in _paths(folders or _own(settings)):
        try:
            template = catalog.parsed(path, settings.platform())
        except errors.Refusal as refusal:
            rows.append(_refused(Row(path.name), refusal))
            continue
        rows += [_tried(template, trial) for trial in catalog.trials(template.manifest)]
        try:
            catalog.pinned(template)
        except errors.Refusal as refusal:
            if settings.templates_require_digest:
                rows.append(_refused(Row(template.slug), refusal))
            else:
                warnings.append(f"{refusal.what}: somebody may move the tag")
    refused = [row for row in rows if row.result != GOOD]
    if as_json:
        show.as_json({"rows": [asdict(row) for row in rows], "warnings": warnings})
    else:
        show.columns([{k: v for k, v in asdict(row).items() if k != "fix"} for row in rows])
        for slug, fix in dict.fromkeys((row.template, row.fix) for row in refused):
            show.line(f"fix {slug}: {fix}", "red")
        for text in warnings:
            show.line(f"warning {text}", "yellow")
        show.line(f"{len(rows)} tried, {len(refused)} refused.")
    return Exit.REFUSED if refused else Exit.DONE


def _tried(template: Template, trial: catalog.Trial) -> Row:
    domain, options = trial.domain or "", ", ".join(sorted(trial.options))
    try:
        context = trial.context()
        checked = render.render(template, context=context)
        _resolved(template, trial)
    except errors.Refusal as refusal:
        return _refused(Row(template.slug, trial.tier, domain, options), refusal)
    services = _limits(context.limits)
    return Row(template.slug, trial.tier, domain, options, services, len(checked.base64))


def _resolved(template: Template, trial: catalog.Trial) -> variables.Variables:
    """The variables of the manifest's sample, the trial's options, and made-up values for the rest."""
    parameters = template.manifest.parameters
    switches = {name: "true" if name in trial.options else "false" for name in template.manifest.options}
    kept = {one.name: _made_up(one) for one in parameters if one.generated or one.set_by == "staff"}
    kept |= {one.name: switches[one.name] for one in parameters if one.name in switches and not one.is_given}
    given = {one.name: switches[one.name] for one in parameters if one.name in switches and one.is_given}
    return variables.resolve(
        template,
        {**template.manifest.sample, **given},
        platform={one.from_platform: _made_up(one) for one in parameters if one.from_platform},
        kept={name: SecretStr(value) for name, value in kept.items()},
    )


def _made_up(parameter: Parameter) -> str:
    """A value that may stand for one that is not known here."""
    match parameter.type:
        case "url":
            return "https://platform.example.org/v1"
        case "integer":
            return "1"
        case "boolean":
            return "false"
        case _:
            made = {"token": "f" * 43, "password": "f" * 24, "hex": "f" * 64}
            return made.get(parameter.generated or "", parameter.default or "fake-value")


def _refused(row: Row, refusal: errors.Refusal) -> Row:
    """The row of a way in which a template cannot be ordered."""
    return replace(row, result=f"{refusal.code}: {refusal.what}", fix=refusal.fix)


def _in_use() -> Iterator[Template]:
    settings, _ = configured.whatever()
    known = app.load_catalog(settings)
    yield from (one for slug in known.slugs() if (one := known.get(slug)) is not None)


def _own(settings: configured.Loose) -> tuple[Path, ...]:
    return (catalog.default_folder(), *((settings.templates_dir,) if settings.templates_dir else ()))


def _paths(folders: tuple[Path, ...]) -> list[Path]:
    """The templates' folders; of two with one name the later one, as in use."""
    found: dict[str, Path] = {}
    for folder in folders:
        inside = [folder] if (folder / catalog.MANIFEST).exists() else catalog.paths(folder)
        found |= {path.resolve().name: path.resolve() for path in inside}
    return list(found.values())


def _limits(granted: Mapping[str, Limits]) -> str:
    return "; ".join(f"{name}: {figures}" for name, figures in granted.items())


def _images(manifest: Manifest) -> list[dict[str, object]]:
    return [{"image": key, "reference": one.reference} for key, one in manifest.images.items()]


def _services(manifest: Manifest) -> list[dict[str, object]]:
    return [
        {
            "service": name,
            "tier": tier,
            "cpus": one.cpus,
            "memory": one.memory,
            "pids": one.pids,
            "option": service.option,
        }
        for name, service in manifest.services.items()
        for tier, one in service.limits.items()
    ]


def _volumes(manifest: Manifest) -> list[dict[str, object]]:
    return [
        {"volume": name, "service": one.service, "backup": one.backup}
        for name, one in manifest.volumes.items()
    ]


def _parameters(manifest: Manifest) -> list[dict[str, object]]:
    return [
        {
            "variable": one.name,
            "type": one.type,
            "from": one.from_platform or (f"made ({one.generated})" if one.generated else one.set_by),
            "required": "yes" if one.required else "",
            "default": one.default,
            "help": one.help.en,
        }
        for one in manifest.parameters
    ]
