"""`python -m tests.browser.shots [FOLDER]`: the story, and its pictures into `.github/screenshots`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import anyio

from tests.browser import stage as stages
from tests.browser import story

FOLDER = Path(__file__).parents[2] / ".github" / "screenshots"


async def _take(folder: Path, chromium: str) -> None:
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-shots-") as data:
        async with stages.opened(Path(data), chromium, shots=folder) as stage:
            await story.whole(stage)


def main() -> int:
    """Prints what was written; an error when the story did not go as it must."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("chromium is missing: apt-get install chromium\n")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    anyio.run(_take, folder, chromium)
    for path in sorted(folder.glob("*.png")):
        sys.stdout.write(f"{path.name}  {path.stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
