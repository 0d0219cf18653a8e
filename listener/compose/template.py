"""A template as the catalogue holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from listener.compose.manifest import Manifest


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One template folder, read and found sound."""

    manifest: Manifest
    source: str = field(repr=False)
    """`compose.yaml.j2`."""
    bundles: Mapping[str, str] = field(repr=False)
    """Environment key to base64 text of the packed file or folder."""

    @property
    def slug(self) -> str:
        """The folder's name."""
        return self.manifest.slug

    @property
    def version(self) -> str:
        """The manifest's version."""
        return self.manifest.version
