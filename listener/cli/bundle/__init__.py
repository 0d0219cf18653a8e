"""`cloudfreedom support-bundle`: what whoever helps needs to know, in one private file, without secrets.

Every part is one line of `PARTS`; one that cannot be had costs a file that names the error, and no other.
Whatever the parts say goes through one net that knows the secrets which are known here.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from listener import errors
from listener.cli import configured, private, show
from listener.cli.bundle import host, net, records, said
from listener.cli.exits import Exit

Part = Callable[[net.Net], Mapping[str, str]]

PARTS: Mapping[str, tuple[Part, str]] = {
    "records": (
        records.gather,
        "stacks, tenants, servers, ledger, last operations: no configuration, no names",
    ),
    "settings": (said.settings, "every setting by name; of secrets only whether they are set"),
    "versions": (said.versions, "of the listener, Python, the system and the libraries"),
    "doctor": (said.doctor, "every check, as `doctor --json`"),
    "status": (said.status, "as `status --json`, without the reasons of holds and lines of logs"),
    "plan": (said.plan, "what the listener would do now, as `plan`"),
    "templates": (said.templates, "what can be ordered, as `templates --json`"),
    "listener": (host.pages, "/readyz and /metrics of the listener on this host"),
    "systemd": (host.units, "state of the units, and the last lines of the listener's journal"),
}
"""Name -> what gathers it, and what a person reads of it. The records come first: they teach the net."""
FAILURES = (
    errors.ListenerError, BaseExceptionGroup, OSError, subprocess.SubprocessError, ValueError, LookupError,
)  # fmt: skip
"""What an upstream that is away, a missing program, or data of another shape raise."""
README = """\
Support bundle of CloudFreedom Listener, made {at} UTC.

Read it before you send it. Secrets that are known on this host were taken out, also base64-coded and
URL-quoted, and so was text of a secret's shape; nobody can vouch for what else people wrote into names.
Slugs of tenants, names and domains of stacks, ids, addresses and this host's log are in it.

{contents}
"""


def bundle(out: Path | None, *, force: bool) -> Exit:
    """The archive is written, readable by its owner only, and what is inside was told.

    Raises `FILE_EXISTS`, `FILE_UNWRITABLE`.
    """
    now = datetime.now(UTC)
    path = out or Path(f"cloudfreedom-support-{now:%Y%m%d-%H%M%S}.tar.gz")
    private.must_be_new(path, force=force)
    caught = net.Net()
    caught.learn_settings(configured.whatever()[0])
    files, contents = dict[str, str](), list[str]()
    for name, (part, text) in PARTS.items():
        found = _tried(name, part, caught)
        files |= found
        contents += _described(found, text)
    head = README.format(at=f"{now:%Y-%m-%d %H:%M:%S}", contents="\n".join(contents))
    clean = {name: caught.cleaned(text) for name, text in {"README.txt": head, **files}.items()}
    private.write(path, _packed(clean, f"cloudfreedom-support-{now:%Y%m%d-%H%M%S}"), force=force)
    for line in contents:
        show.line(line)
    show.line(f"Written: {path}. Read it before you send it: tar -xzf {path}")
    return Exit.DONE


def _tried(name: str, part: Part, caught: net.Net) -> Mapping[str, str]:
    """The part's files, or one that names the error."""
    try:
        return part(caught)
    except FAILURES as failure:
        return {f"{name}.error.txt": "\n".join(_told(failure)) + "\n"}


def _told(failure: BaseException) -> Iterator[str]:
    match failure:
        case BaseExceptionGroup():
            for inner in failure.exceptions:
                yield from _told(inner)
        case errors.ListenerError():
            yield str(failure)
        case _:
            yield f"{type(failure).__name__}: {failure}"


def _described(found: Mapping[str, str], text: str) -> Iterator[str]:
    failed = [name for name in found if name.endswith(".error.txt")]
    for name in failed:
        yield f"! {name}: not gathered: {found[name].splitlines()[0]}"
    if rest := [name for name in found if name not in failed]:
        yield f"  {', '.join(rest)}: {text}"


def _packed(files: Mapping[str, str], folder: str) -> bytes:
    """A gzipped tar of these files in one folder, each for its owner only."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            data = text.encode(errors="replace")
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(data), private.MODE, int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
