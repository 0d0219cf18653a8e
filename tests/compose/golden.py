"""The documents of every packaged template in every tier, as files that are reviewed like code.

`python -m tests.compose.golden` writes them anew; look at the difference before it is committed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from listener.compose import catalog, limits, render, template

FOLDER = Path(__file__).parent / "golden"
LONG = 200
"""Characters beyond which a packed bundle is shown by its hash."""


def documents() -> Iterator[tuple[str, str]]:
    """File name and text: each tier with a domain where there is a web service, and with every option."""
    shop = catalog.Catalog.load()
    for slug in shop.slugs():
        subject = shop.get(slug)
        assert subject is not None
        for tier in catalog.tiers(subject.manifest):
            options = catalog.offered(subject.manifest, tier)[-1]
            yield f"{slug}.{tier}.yaml", _text(subject, tier, options)


def _text(subject: template.Template, tier: str, options: frozenset[str]) -> str:
    granted = limits.effective(subject.manifest, tier=tier, overrides={}, wish=None, options=options)
    host = "stack.example.org" if subject.manifest.web else None
    context = render.RenderContext("1a2b3c4d", "tenant", "acme", "stack", "name", tier, granted, host)
    document = render.render(subject, context=context).document
    return yaml.safe_dump(_short(document), allow_unicode=True, sort_keys=False, width=110)


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    if isinstance(value, str) and len(value) > LONG and " " not in value:
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:16]}"
    return value


def main() -> None:
    """Write them all, and remove what is no template's any more."""
    FOLDER.mkdir(exist_ok=True)
    written = dict(documents())
    for path in FOLDER.iterdir():
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
