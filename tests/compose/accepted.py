"""Every document that the guard accepts: each template ordered in every way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from listener.compose import catalog, guard, render

from .conftest import TEMPLATES, found

SHOP = catalog.Catalog.load(catalog.default_folder(), TEMPLATES)


@dataclass(frozen=True, slots=True, repr=False)
class Accepted:
    """One document, and how it was ordered."""

    slug: str
    trial: catalog.Trial
    checked: guard.CheckedCompose

    def __repr__(self) -> str:
        parts = (
            self.slug,
            self.trial.tier,
            *sorted(self.trial.options),
            "web" if self.trial.domain else "dark",
        )
        return "-".join(parts)


def _every() -> Iterator[Accepted]:
    for slug in SHOP.slugs():
        subject = found(SHOP, slug)
        for trial in catalog.trials(subject.manifest):
            yield Accepted(slug, trial, render.render(subject, context=trial.context()))


EVERY = tuple(_every())
