"""A real Docker engine of the tests' own: in namespaces of its own, over folders of its own.

Nothing of the machine is touched (networks and packet filters are the namespace's), and nothing outlives the
tests: with the engine go its containers.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ALONE = (
    "setpriv", "--pdeathsig", "KILL",
    "unshare", "--net", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child",
)  # fmt: skip
IMAGE = "cf-busybox:1"
"""Busybox and nothing else: there is no registry."""
FOLDERS = (("tmp", 0o1777, 0), ("home/node/.openclaw", 0o700, 1000))
"""Of that image, with mode and owner. A fresh volume gets both from the folder that it is mounted over: the
template `openclaw-agent` counts on it."""
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
SECONDS = 60.0
"""Until what must come has come."""


@dataclass
class DockerHost:
    """A host whose only user of Docker is a test. `folder` has a short name: sockets are in it."""

    folder: Path
    _running: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def socket(self) -> Path:
        """Docker's."""
        return self.folder / "docker.sock"

    @property
    def volumes(self) -> Path:
        """Docker's folder of volumes."""
        return self.folder / "root" / "volumes"

    @property
    def env(self) -> dict[str, str]:
        """For commands that talk to this engine."""
        return {"PATH": PATH, "HOME": str(self.folder), "DOCKER_HOST": f"unix://{self.socket}"}

    def start(self) -> None:
        """The engine answers. It dies with the thread that calls this."""
        command = [
            *ALONE, "dockerd",
            "--host", f"unix://{self.socket}", "--pidfile", str(self.folder / "docker.pid"),
            "--data-root", str(self.folder / "root"), "--exec-root", str(self.folder / "exec"),
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=self.env
            )
        end = time.monotonic() + SECONDS
        while self.run("version", check=False).returncode != 0:
            tail = "\n".join((self.folder / "log").read_text().splitlines()[-5:])
            assert self._running.poll() is None, f"dockerd ended: {tail}"
            assert time.monotonic() < end, f"dockerd does not answer: {tail}"
            time.sleep(0.1)

    def stop(self) -> None:
        """The engine ended as its machine tells it to, and so did its containers."""
        assert self._running is not None
        one = self._running.pid
        children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        try:
            self._running.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()

    def run(self, *words: str, check: bool = True, given: bytes = b"") -> subprocess.CompletedProcess[str]:
        """What `docker` said."""
        done = subprocess.run(["docker", *words], input=given, capture_output=True, env=self.env, check=False)
        told = subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert not check or told.returncode == 0, told.stderr
        return told

    def begin(self, service: str, project: str, script: str, *options: str) -> str:
        """The id of a container as Compose makes it for a service of this project; it runs the script."""
        named = [f"com.docker.compose.project={project}", f"com.docker.compose.service={service}"]
        labels = [word for one in named for word in ("--label", one)]
        command = ("run", "--detach", "--network", "none", *labels, *options, IMAGE, "sh", "-c", script)
        return self.run(*command).stdout.strip()

    def inspect(self, name: str) -> dict[str, Any]:
        """What Docker knows of a container, a volume or an image."""
        found: dict[str, Any] = json.loads(self.run("inspect", name).stdout)[0]
        return found

    def events(self, *actions: str) -> list[dict[str, Any]]:
        """What Docker remembers of these."""
        filters = [word for one in actions for word in ("--filter", f"event={one}")]
        words = (
            "events",
            "--since",
            "0",
            "--until",
            f"{time.time():.9f}",
            "--format",
            "{{json .}}",
            *filters,
        )
        return [json.loads(line) for line in self.run(*words).stdout.splitlines()]

    def clear(self) -> None:
        """No container is left, no volume and no network."""
        if found := self.run("ps", "--all", "--quiet").stdout.split():
            self.run("rm", "--force", "--volumes", *found)
        if found := self.run("volume", "ls", "--quiet").stdout.split():
            self.run("volume", "rm", *found)
        self.run("network", "prune", "--force")


def rootfs() -> bytes:
    """A tar file with a busybox that needs no library, under the name of each of its programs."""
    busybox = shutil.which("busybox")
    assert busybox is not None, "busybox is missing: apt-get install busybox-static"
    bound = subprocess.run(["ldd", busybox], capture_output=True, check=False).returncode == 0
    assert not bound, "this busybox needs libraries: apt-get install busybox-static"
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.add(Path(busybox).resolve(), "bin/busybox")
        for name in names:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            if name != "busybox":
                tar.addfile(link)
        for name, mode, owner in FOLDERS:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, owner, owner
            tar.addfile(entry)
    return made.getvalue()


@pytest.fixture(scope="session")
def _engine() -> Iterator[DockerHost]:
    """Without it tests are skipped, but not where CI is set; without the right to make namespaces always."""
    absent = [name for name in ("dockerd", "docker", "busybox") if shutil.which(name, path=PATH) is None]
    if absent and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(absent)} is not installed")
    assert not absent, f"{absent} is missing: apt-get install docker.io iptables busybox-static"
    if os.geteuid() != 0:
        pytest.skip("only root may run an engine")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this container may not make namespaces")
    folder = Path(tempfile.mkdtemp(prefix="cf-docker-"))
    host = DockerHost(folder)
    try:
        host.start()
        host.run("import", "-", IMAGE, given=rootfs())
        yield host
    finally:
        host.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def docker_host(_engine: DockerHost) -> Iterator[DockerHost]:
    """An engine with one image, and nothing else; there is one for all tests."""
    yield _engine
    _engine.clear()
