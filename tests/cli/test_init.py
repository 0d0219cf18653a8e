"""`init` on a terminal and without one: a private file, chosen by name, and no secret on the screen."""

from __future__ import annotations

import os
import pty
import select
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from listener import errors, settings
from listener.cli import envfile, init
from listener.cli.exits import Exit
from tests.cli.commands import Done, cloudfreedom, environment
from tests.cli.conftest import Coolify

PASSWORD = "fake password of the account #1"
NOWHERE = "http://127.0.0.1:9"
ABOUT_POCKETBASE = [
    ("PocketBase's address", NOWHERE),
    ("Name of the listener's account", ""),
    ("Its password (hidden", PASSWORD),
]
ABOUT_PLATFORM = [("host names", "apps.example.org"), ("Router", "https://router.example.org/v1")]

ASKED = {
    "POCKETBASE_URL": NOWHERE,
    "POCKETBASE_IDENTITY": "listener",
    "POCKETBASE_PASSWORD": PASSWORD,
    "PLATFORM_DOMAIN": "apps.example.org",
    "ROUTER_BASE_URL": "https://router.example.org/v1",
}
"""What comes of them."""


def typed(folder: Path, lines: Sequence[tuple[str, str]], *words: str, **env: str) -> Done:
    """How `init` ended and what stood on the terminal, when at each question this was typed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "listener.cli.main", "init", *words]
    process = subprocess.Popen(
        command,
        env=environment(env),
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    for question, answer in lines:
        since = len(shown)
        while question not in shown[since:] or not shown.endswith(": "):
            assert select.select([ours], [], [], 10)[0], f"no question {question!r}: {shown}"
            shown += os.read(ours, 4096).decode()
        os.write(ours, f"{answer}\n".encode())
    try:
        while part := os.read(ours, 4096):
            shown += part.decode()
    except OSError:
        pass
    os.close(ours)
    return Done(process.wait(20), shown.replace("\r\n", "\n"), "")


def values(path: Path) -> Mapping[str, str]:
    """What the file says, which is for its owner only."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return envfile.read(path)


@pytest.fixture
def coolify(coolify: Coolify) -> Coolify:
    """With a second server that has two destinations."""
    coolify.inside.world.add_server(coolify.inside.team, "big one", destinations=2)
    return coolify


def test_what_was_asked_for_stands_in_a_private_file_and_no_secret_on_the_screen(
    tmp_path: Path, coolify: Coolify
) -> None:
    token, server = coolify.inside.token, coolify.inside.world.servers[1]
    about_coolify = [
        ("Coolify's address", "coolify.example.org"),
        ("Coolify's address", coolify.url),
        ("API token", "1|fake-wrong"),
        ("Coolify's address", coolify.url),
        ("API token", token),
        ("by number or name", "big one"),
        ("Destination, by number or name", "net-1"),
    ]
    done = typed(tmp_path, [*ABOUT_POCKETBASE, *about_coolify, *ABOUT_PLATFORM])
    assert done.code == Exit.DONE, done.out
    found = values(tmp_path / ".env")
    assert found == ASKED | {
        "COOLIFY_URL": coolify.url,
        "COOLIFY_TOKEN": token,
        "COOLIFY_SERVER_UUID": server.uuid,
        "COOLIFY_DESTINATION_UUID": server.destinations[1].uuid,
        "LISTENER_SECRETS_KEY": found["LISTENER_SECRETS_KEY"],
    }
    read = settings.Settings(_env_file=tmp_path / ".env")
    assert read.pocketbase_password is not None
    assert read.pocketbase_password.get_secret_value() == PASSWORD
    assert [
        one for one in (PASSWORD, token, "1|fake-wrong", found["LISTENER_SECRETS_KEY"]) if one in done.out
    ] == []
    assert "error COOLIFY_TOKEN_REFUSED" in done.out
    assert "must begin with http:// or https://" in done.out
    assert "✗ PocketBase: " in done.out, "the doctor looked"
    assert "✓ Coolify server: big one can be used" in done.out
    assert "schema apply" in done.out.rpartition("Next, ")[2]


@pytest.mark.long
def test_a_file_is_replaced_only_if_told_and_keeps_what_is_not_asked_for(
    tmp_path: Path, coolify: Coolify
) -> None:
    path, token = tmp_path / "listener.env", coolify.inside.token
    before = f"# ours\nLISTENER_TZ=Europe/Berlin\nCOOLIFY_TOKEN='{token}'\nPLATFORM_DOMAIN=old.example.org\n"
    path.write_text(before + f"POCKETBASE_PASSWORD='{PASSWORD}'\nCOOLIFY_SERVER_UUID=fake-server\n")
    refused = typed(tmp_path, [], "--file", path.name)
    assert (refused.code, refused.out.split()[1]) == (Exit.REFUSED, "FILE_EXISTS:")
    lines = [
        *ABOUT_POCKETBASE[:2],
        ("Enter keeps it", ""),
        ("Coolify's address", coolify.url),
        ("Enter keeps it", ""),
        ("Server, by number or name", ""),
        ("host names", "-"),
        ("Router", ""),
    ]
    done = typed(tmp_path, lines, "--file", path.name, "--force")
    assert done.code == Exit.DONE, done.out
    found = values(path)
    assert (found["POCKETBASE_PASSWORD"], found["COOLIFY_TOKEN"]) == (PASSWORD, token)
    assert (found["COOLIFY_SERVER_UUID"], found["PLATFORM_DOMAIN"]) == ("fake-server", "")
    assert path.read_text().startswith("# ours\nLISTENER_TZ=Europe/Berlin\nCOOLIFY_TOKEN=")
    assert token not in done.out


def test_what_the_environment_gives_is_not_asked_for(tmp_path: Path, coolify: Coolify) -> None:
    given = {
        "POCKETBASE_URL": NOWHERE,
        "POCKETBASE_PASSWORD": PASSWORD,
        "COOLIFY_URL": coolify.url,
        "COOLIFY_TOKEN": coolify.inside.token,
        "PLATFORM_DOMAIN": "apps.example.org",
    }
    lines = [
        ("Name of the listener's account", "ours"),
        ("by number", "7"),
        ("by number", "1"),
        ("Router", ""),
    ]
    done = typed(tmp_path, lines, **given)
    assert done.code == Exit.DONE, done.out
    found = values(tmp_path / ".env")
    assert {**found, **given} == found
    assert (found["POCKETBASE_IDENTITY"], found["COOLIFY_SERVER_UUID"]) == ("ours", "fake-server")
    assert "there is none of that name or number" in done.out


COMPLETE = {
    "POCKETBASE_URL": NOWHERE,
    "POCKETBASE_PASSWORD": PASSWORD,
    "COOLIFY_URL": NOWHERE,
    "COOLIFY_TOKEN": "1|fake",
    "COOLIFY_SERVER_UUID": "fake-server",
}


@pytest.mark.long
async def test_without_a_terminal_it_names_what_is_missing_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "listener.env"
    done = await cloudfreedom({"POCKETBASE_URL": NOWHERE}, "init", "--file", str(path))
    assert (done.code, done.err.split()[1]) == (Exit.USAGE, "TERMINAL_NEEDED:")
    for name in COMPLETE:
        assert (name in done.err) == (name != "POCKETBASE_URL")
    assert not path.exists()
    done = await cloudfreedom({**COMPLETE, "PLATFORM_DOMAIN": "a b"}, "init", "--file", str(path))
    assert (done.code, done.err.split()[1]) == (Exit.REFUSED, "SETTING_UNFIT:"), done.text
    assert not path.exists()
    done = await cloudfreedom(COMPLETE, "init", "--file", str(path))
    assert done.code == Exit.DONE, done.text
    assert {**values(path), **COMPLETE} == values(path)
    nowhere = await cloudfreedom(COMPLETE, "init", "--file", str(tmp_path / "no" / "such"))
    assert (nowhere.code, nowhere.err.split()[1]) == (Exit.REFUSED, "FILE_UNWRITABLE:")


@pytest.mark.parametrize("value", ["it's", "back\\slash", "${HOME}", "two\nlines", "ü"])
def test_what_files_of_variables_are_read_differently_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    for name, given in {**COMPLETE, "POCKETBASE_PASSWORD": value}.items():
        monkeypatch.setenv(name, given)
    with pytest.raises(errors.Refusal) as caught:
        init.init(tmp_path / "file", force=False, prompt=None)
    assert caught.value.code == "SETTING_UNFIT"
    assert value not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_merged_file_keeps_every_other_line_and_is_read_as_written() -> None:
    text = "# head\n\nA=1 # one\nB='x'\nA=2\nC=3"
    merged = envfile.merged(text, {"A": "a #b", "D": "1|x", "E": ""})
    assert merged == "# head\n\nA='a #b'\nB='x'\nC=3\nD='1|x'\n"


@pytest.mark.long
async def test_secrets_go_into_files_of_their_own_where_the_unit_wants_them(
    tmp_path: Path, coolify: Coolify
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    env = {
        "POCKETBASE_URL": NOWHERE,
        "POCKETBASE_PASSWORD": PASSWORD,
        "COOLIFY_URL": coolify.url,
        "COOLIFY_TOKEN": coolify.inside.token,
        "COOLIFY_SERVER_UUID": "fake-server",
    }
    path = tmp_path / "listener.env"
    done = await cloudfreedom(env, "init", "--file", str(path), "--credentials", str(folder))
    assert done.code == Exit.DONE, done.text
    assert {one.name for one in folder.iterdir()} == {
        "pocketbase_password",
        "coolify_token",
        "listener_secrets_key",
    }
    assert (folder / "pocketbase_password").read_text() == PASSWORD
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path, *folder.iterdir())} == {0o600}
    assert PASSWORD not in path.read_text()
    read = settings.Settings(_env_file=path, _secrets_dir=folder)
    assert read.coolify_token.get_secret_value() == coolify.inside.token
