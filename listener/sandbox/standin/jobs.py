"""What Coolify does after it said yes: queued work on containers that no endpoint reports on.

Source: Coolify 4.3.10, StartService, StopService, RestartService, DeleteResourceJob, and the status recorded
while they ran: `exited`, `starting:unhealthy`, `exited` until the next sync, `running:…`.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable

from listener.sandbox.standin import answers, faults, render, state, world


class Jobs:
    """The queue. Nothing is de-duplicated: two accepted starts are two `up -d --force-recreate`."""

    def __init__(self, rows: world.World) -> None:
        self._rows = rows
        self._faults: list[faults.JobFault] = []
        self._numbers = itertools.count(1)

    def spoil(self, fault: faults.JobFault) -> faults.JobFault:
        """The fault waits for its jobs, and has a number."""
        fault.number = next(self._numbers)
        self._faults.append(fault)
        return fault

    def spoiled(self) -> list[faults.JobFault]:
        """Faults that still wait for jobs or hold some."""
        return [fault for fault in self._faults if fault.times > 0 or fault.held]

    def lift(self, number: int) -> None:
        """The fault of that number is no more; the jobs it held begin now."""
        for fault in [one for one in self._faults if one.number == number]:
            self._faults.remove(fault)
            for deed in fault.freed():
                self._rows.time.later(0, deed)

    def start(self, service: state.Service) -> None:
        """A start is queued."""
        self._queue("start", service, lambda: self._begin(service))

    def restart(self, service: state.Service, *, latest: bool = False) -> None:
        """A restart is queued: stop, then up. `latest` pulls and does not stop before."""

        def deed() -> None:
            if not latest:
                self._halt(service)
            self._begin(service)

        self._queue("restart", service, deed)

    def stop(self, service: state.Service, *, cleanup: bool = True) -> None:
        """A stop is queued. `cleanup` prunes the whole server's images and build cache."""
        self._queue("stop", service, lambda: self._halt(service, cleanup=cleanup))

    def delete(self, service: state.Service, flags: dict[str, bool]) -> None:
        """A deletion is queued; until it ran nothing shows it."""
        service.deletions.append(flags)
        self._queue("delete", service, lambda: self._remove(service, flags))

    def one(self, service: state.Service, part: state.Part, *, runs: bool) -> None:
        """A start or stop of one container is queued."""

        def deed() -> None:
            if self._online(service) and not service.deleted:
                part.runs = runs and part.present
                self.sync_later(service)

        self._queue("part", service, deed)

    def sync(self, service: state.Service) -> None:
        """The cached status follows the containers now."""
        healthy = not _matches(self._rows.knobs.unhealthy, service.name)
        for part in service.parts:
            health = "unhealthy" if not healthy else "healthy" if part.healthcheck else "unknown"
            part.status = f"running:{health}" if part.runs else "exited"

    def sync_later(self, service: state.Service) -> None:
        """The cached status follows the containers after the sync delay."""
        self._queue("sync", service, lambda: self.sync(service), after=self._rows.knobs.sync_delay)

    def _queue(
        self, job: faults.Job, service: state.Service, deed: Callable[[], None], *, after: float | None = None
    ) -> None:
        """Whether a fault meets the job is seen when it would begin."""

        def begin() -> None:
            for fault in self._faults:
                if fault.matches(job, service.name):
                    return fault.take(deed)
            return deed()

        self._rows.time.later(self._delay() if after is None else after, begin)

    def _delay(self) -> float:
        knobs = self._rows.knobs
        return knobs.job_delay + random.uniform(0.0, knobs.job_spread)  # noqa: S311 - no secret

    def _online(self, service: state.Service) -> bool:
        return self._rows.knobs.ssh and self._rows.functional(service.server)

    def _begin(self, service: state.Service) -> None:
        if service.deleted:
            return
        if not self._online(service):
            service.failure = "ssh: connect to host: Connection refused"
            return
        try:
            self._rows.parse(service)
        except answers.Refused:
            service.failure = "the compose cannot be parsed"
            return
        service.starting += 1
        self._rows.time.later(self._rows.knobs.start_seconds, lambda: self._up(service))

    def _up(self, service: state.Service) -> None:
        service.starting = max(0, service.starting - 1)
        if service.deleted:
            return
        service.failure = render.unstartable(service)
        if _matches(self._rows.knobs.never_start, service.name):
            service.failure = "docker compose up failed"
        if service.failure:
            return
        service.ups += 1
        for part in service.parts:
            part.runs = part.present and not part.once
        service.server.volumes |= {storage.name for storage in service.storages if not storage.file}
        self.sync_later(service)

    def _halt(self, service: state.Service, *, cleanup: bool = False) -> None:
        """Nothing on a server marked unreachable; else `exited` is written, whatever the containers did."""
        if service.deleted or not self._rows.functional(service.server):
            return
        service.starting = 0
        for part in service.parts:
            part.runs = part.runs and not self._rows.knobs.ssh
            part.status = "exited"
        service.server.prunes += cleanup and self._rows.knobs.ssh

    def _remove(self, service: state.Service, flags: dict[str, bool]) -> None:
        """The rows go in any case; containers and volumes only when the server answers."""
        if service.deleted:
            return
        if self._online(service):
            for part in service.parts:
                part.runs = False
            if flags["delete_volumes"]:
                service.server.volumes -= {storage.name for storage in service.storages}
            service.server.prunes += flags["docker_cleanup"]
        self._rows.forget(service)


def _matches(pattern: str, name: str) -> bool:
    return bool(pattern) and re.search(pattern, name) is not None
