"""A template that freezes the worker that renders it, for one stack: the thread never comes back."""

from __future__ import annotations

import shutil
from pathlib import Path

from listener.compose import catalog, document

NAME = "endless"
"""The stack; every other one is rendered as ever."""


def templates(folder: Path) -> Path:
    """A folder for TEMPLATES_DIR, with our telegram-bot made so."""
    folder = folder / "templates"
    source, only_text = catalog.default_folder() / "telegram-bot", shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, folder / "telegram-bot", ignore=only_text)
    source = folder / "telegram-bot" / document.SOURCE
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    source.write_text(f'{{% if stack_name == "{NAME}" %}}{loops}{{% endif %}}\n{source.read_text()}')
    return folder
