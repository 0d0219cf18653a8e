"""What each service of a stack may use: the tier's figures, within the template's floor and the wish."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NoReturn

from listener import errors
from listener.compose.manifest import LimitsSpec, Manifest

MEMORY = re.compile(r"([1-9]\d{0,8})\s*([MG])", re.IGNORECASE)
NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one service: cores, memory in MiB, processes. Never zero."""

    cpus: float
    memory_mb: int
    pids: int

    @property
    def memory(self) -> str:
        """Memory as Compose reads it (`256M`; Docker's M is binary)."""
        return f"{self.memory_mb}M"

    @property
    def cores(self) -> str:
        """Cores as Compose reads them (`0.25`)."""
        return f"{self.cpus:g}"

    def __str__(self) -> str:
        return f"{self.cores} cpus, {self.memory}, {self.pids} pids"


def effective(
    manifest: Manifest,
    *,
    tier: str,
    overrides: Mapping[str, Any],
    wish: Mapping[str, Any] | None,
    options: AbstractSet[str] = frozenset(),
) -> dict[str, Limits]:
    """The limits of every service that the tier has and whose option is among `options`, in order.

    `overrides` is `plan_tiers.limits` (template to service to `{cpus, memory, pids}`) and wins over the
    manifest; `wish` is `resource_limits` of the record (service to the same) and may only ask for less.
    Empty, null and 0 mean *not set*. Raises `Refusal`: `LIMITS_NO_TIER` when the tier has no service of this
    template, `OPTION_NOT_IN_TIER` when it has not the one that an option asks for, `LIMITS_BELOW_FLOOR`,
    `LIMITS_ABOVE_TIER`, `LIMITS_INVALID` for what cannot be read.
    """
    ruling = _mapping(_mapping(overrides, "plan_tiers.limits").get(manifest.slug), manifest.slug)
    wishes = _mapping(wish, "resource_limits")
    stray = sorted(set(wishes) - set(manifest.services))
    if stray:
        _invalid(f"{', '.join(map(str, stray))[:80]} is not a service of {manifest.slug}")
    result: dict[str, Limits] = {}
    for name, service in manifest.services.items():
        if service.option is not None and service.option not in options:
            continue
        granted = _granted(service.limits.get(tier), _figures(ruling.get(name), name))
        if granted is not None:
            place, wanted = f"{manifest.slug}/{name}", _figures(wishes.get(name), name)
            result[name] = _within(granted, wanted, from_spec(service.floor), place, tier)
        elif service.option is not None:
            _no_option(service.option, manifest.slug, tier)
    if not result:
        raise errors.Refusal(
            "LIMITS_NO_TIER",
            f"{manifest.slug} is not part of the tariff {tier}. Choose another template or tariff.",
            values={"template": manifest.slug, "tier": tier},
            why="neither the template nor plan_tiers.limits has figures for it",
            fix="choose another template or tariff",
        )
    return result


def from_spec(spec: LimitsSpec) -> Limits:
    """The manifest's figures as `Limits`."""
    return Limits(spec.cpus, megabytes(spec.memory, "manifest"), spec.pids)


def _no_option(option: str, slug: str, tier: str) -> NoReturn:
    raise errors.Refusal(
        "OPTION_NOT_IN_TIER",
        f"{option} is not part of the tariff {tier}. Set it to false, or choose a larger tariff.",
        values={"option": option, "tier": tier},
        what=f"{option} asks for a service of {slug} that the tariff {tier} does not have",
        why="neither the template nor plan_tiers.limits has figures for it",
        fix=f"set {option} to false, or choose a larger tariff",
    )


def _within(granted: Limits, wanted: dict[str, float], floor: Limits, place: str, tier: str) -> Limits:
    """What is asked for, between the floor and what the tier gives."""
    _not_below(granted, floor, place, f"the tariff {tier}")
    asked = _merge(granted, wanted)
    _not_above(asked, granted, place, tier)
    _not_below(asked, floor, place, "resource_limits")
    return asked


def _granted(spec: LimitsSpec | None, figures: dict[str, float]) -> Limits | None:
    if spec is not None:
        return _merge(from_spec(spec), figures)
    if figures.keys() >= {"cpus", "memory", "pids"}:
        return Limits(figures["cpus"], int(figures["memory"]), int(figures["pids"]))
    return None


def _merge(base: Limits, figures: dict[str, float]) -> Limits:
    return Limits(
        cpus=figures.get("cpus", base.cpus),
        memory_mb=int(figures.get("memory", base.memory_mb)),
        pids=int(figures.get("pids", base.pids)),
    )


def _not_below(limits: Limits, floor: Limits, where: str, whose: str) -> None:
    for word, has, needs in _pairs(limits, floor):
        if has < needs:
            raise errors.Refusal(
                "LIMITS_BELOW_FLOOR",
                f"{where} needs at least {floor}, and would get {limits}. "
                "Choose a larger tariff, or ask for more.",
                values={"place": where, "floor": str(floor), "limits": str(limits)},
                what=f"{where} needs at least {floor}; {whose} gives {limits}",
                why=f"{word} {has:g} is below {needs:g}; the template does not work with less",
                fix="choose a larger tariff or ask for more",
            )


def _not_above(limits: Limits, tier_limits: Limits, where: str, tier: str) -> None:
    for word, has, allowed in _pairs(limits, tier_limits):
        if has > allowed:
            raise errors.Refusal(
                "LIMITS_ABOVE_TIER",
                f"{where} asks for {limits}; the tariff {tier} gives at most {tier_limits}. Ask for less.",
                values={"place": where, "limits": str(limits), "most": str(tier_limits), "tier": tier},
                why=f"{word} {has:g} is above {allowed:g}",
                fix="ask for less in resource_limits, or choose a larger tariff",
            )


def _pairs(a: Limits, b: Limits) -> list[tuple[str, float, float]]:
    return [
        ("cpus", a.cpus, b.cpus),
        ("memory (MiB)", a.memory_mb, b.memory_mb),
        ("pids", a.pids, b.pids),
    ]


def _figures(given: object, where: str) -> dict[str, float]:
    """The figures that are set. `volume` stands beside them in `plan_tiers` and is no limit of a service."""
    found: dict[str, float] = {}
    for word, value in _mapping(given, where).items():
        if word == "volume" or value in (None, "", 0):
            continue
        match word:
            case "cpus":
                found[word] = _number(value, f"{where}.cpus")
            case "memory":
                found[word] = megabytes(value, f"{where}.memory")
            case "pids":
                found[word] = _whole(_number(value, f"{where}.pids"), f"{where}.pids")
            case _:
                _invalid(f"{where}: {str(word)[:40]} is not one of cpus, memory, pids")
    return found


def _mapping(given: object, where: str) -> Mapping[str, Any]:
    if given in (None, "", [], 0):
        return {}
    if not isinstance(given, Mapping):
        _invalid(f"{where} is not an object")
    return given


def _number(value: object, where: str) -> float:
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _invalid(f"{where} is not a number")
    if not math.isfinite(value) or not 0 < value <= 1_000_000:
        _invalid(f"{where} is not a positive number")
    return float(value)


def _whole(value: float, where: str) -> float:
    if value != int(value):
        _invalid(f"{where} is not a whole number")
    return value


def megabytes(value: object, where: str) -> int:
    """MiB of a size such as `256M` or `2G`; raises `LIMITS_INVALID`, naming `where`, for anything else."""
    match = MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        _invalid(f"{where} is not a size such as 256M or 2G")
    return int(match[1]) * (1024 if match[2].upper() == "G" else 1)


def _invalid(text: str) -> NoReturn:
    raise errors.Refusal(
        "LIMITS_INVALID",
        f"The resource limits cannot be read: {text}.",
        fix='the shape is {"<service>": {"cpus": 0.5, "memory": "256M", "pids": 64}}',
    )
