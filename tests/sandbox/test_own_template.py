"""TEMPLATES.md, followed word by word: a folder outside the package, and no Python touched."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from listener.sandbox import people
from listener.sandbox import world as worlds
from tests.cli.commands import cloudfreedom

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "TEMPLATES.md").read_text()
FOLDER = "/etc/cloudfreedom/templates"
FILE = re.compile(r"^`([\w./-]+)` (?:(?!```).)*?\n\n```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def words(line: str, folder: Path) -> list[str]:
    """The command of a line, without its name, for a folder that tests may write."""
    return shlex.split(line.replace(FOLDER, str(folder)))[1:]


@pytest.mark.long
async def test_the_page_is_followed_to_a_running_stack(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    for match in FILE.finditer(PAGE):
        path = folder / match[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match[2])
    assert sorted(path.name for path in folder.rglob("*.*")) == ["compose.yaml.j2", "template.yaml"]
    check, offer, order = (block.splitlines() for block in BLOCK.findall(PAGE))
    async with worlds.running(tmp_path / "world", daemon=False, env={"TEMPLATES_DIR": str(folder)}) as world:
        root = json.loads((tmp_path / "world" / "superuser.json").read_text())
        names = ("POCKETBASE_SUPERUSER_EMAIL", "POCKETBASE_SUPERUSER_PASSWORD")
        env = {**dict(zip(names, root, strict=True)), **world.env}
        checked = await cloudfreedom(env, *words(check[0], folder))
        assert checked.code == 0, checked.text
        assert offer[0].startswith("export TEMPLATES_DIR=")
        applied = await cloudfreedom(env, *words(offer[1], folder))
        assert applied.code == 0, applied.text
        await world.start_daemon()
        ordered = await cloudfreedom(env, *words(order[0], folder))
        assert ordered.code == 0, ordered.text
        (service,) = (await people.ask(world.standin, "GET", "/_standin/state"))["services"]
        assert service["containers"] == {"web": True}
        assert {"GREETING", "PAGE_TOKEN"} <= set(service["variables"])


def test_the_page_names_every_key_of_a_manifest() -> None:
    from listener.compose import manifest  # noqa: PLC0415 - the page is about this

    table = PAGE.partition("## What a manifest may say")[2]
    told = set(re.findall(r"`([a-z_0-9]+)", table))
    plain = {"slug", "version", "title", "description"}
    keys = set(manifest.Manifest.model_fields) | set(manifest.Parameter.model_fields)
    known = keys - plain - {"name", "help", "withdrawn"}
    assert known <= told, sorted(known - told)
    assert yaml.safe_load(FILE.search(PAGE)[2])["slug"] == "hello-web"  # type: ignore[index]
