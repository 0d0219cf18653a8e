"""The stand-in as one object: what it knows, what can be turned, and the app that answers."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette

from listener.sandbox.standin import (
    api_actions,
    api_parts,
    api_projects,
    api_servers,
    api_services,
    api_storages,
    api_tasks,
    api_variables,
    calls,
    control,
    door,
    faults,
    hand,
    jobs,
    knobs,
    limiter,
    state,
    timeline,
    wire,
    world,
)

TOKEN = "1|fake-standin-token"  # noqa: S105 - a token of the stand-in's own making
ROUTES = (
    *api_servers.ROUTES,
    *api_projects.ROUTES,
    *api_services.ROUTES,
    *api_actions.ROUTES,
    *api_variables.ROUTES,
    *api_parts.ROUTES,
    *api_storages.ROUTES,
    *api_tasks.ROUTES,
)


class StandIn:
    """A Coolify with one team, one user, one token with root ability and one server.

    `clock` gives seconds and may be virtual. Before each request, all that is due by that clock happens;
    who looks at `world` without a request calls `tick()` first.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        server_uuid: str = "",
        turned: knobs.Knobs | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.knobs = turned or knobs.Knobs()
        self.time = timeline.Timeline(clock, ahead=lambda: self.knobs.skew)
        self.world = world.World(time=self.time, turned=self.knobs)
        self.jobs = jobs.Jobs(self.world)
        self.hand = hand.Hand(self.world, self.jobs)
        self.calls = calls.Calls()
        self.faults = faults.Faults()
        self.limits = limiter.Limiter(self.time)
        self.token = token
        self.team = self.world.add_team("Root Team", 0)
        self.user = self.world.add_user(self.team, user_id=0)
        self.world.add_token(token, self.user)
        self.server = self.world.add_server(self.team, "vps-a", uuid=server_uuid)
        self._door = door.Door(rows=self.world, queue=self.jobs, limits=self.limits, routes=ROUTES)
        self.app: Starlette = wire.app(self, self._door, control.routes(self))

    def tick(self) -> None:
        """Everything that is due by the clock has happened."""
        self.time.tick()

    async def run_jobs(self) -> None:
        """Every queued job and what follows from it has happened now, whatever the clock says."""
        self.time.finish()

    def save(self, path: Path) -> None:
        """Rows and calls are in the file. The queue was worked off before, as Horizon does when it ends."""
        for fault in self.jobs.spoiled():
            self.jobs.lift(fault.number)
        self.time.finish()
        kept = (self.world.kept(), (self.team, self.user, self.server), list(self.calls))
        path.write_bytes(pickle.dumps(kept))

    def load(self, path: Path) -> None:
        """Rows and calls are those of `save`. The file is code: read only what this program wrote itself."""
        rows, (self.team, self.user, self.server), made = pickle.loads(path.read_bytes())  # noqa: S301
        self.world.restore(rows)
        for call in made:
            self.calls.add(call)

    def service(self, name_or_uuid: str) -> state.Service:
        """The newest service of that uuid or name, deleted ones included. Raises KeyError."""
        self.tick()
        for service in reversed([*self.world.graveyard, *self.world.services]):
            if name_or_uuid in (service.uuid, service.name):
                return service
        raise KeyError(name_or_uuid)

    def services(self) -> list[state.Service]:
        """The services whose rows exist."""
        self.tick()
        return list(self.world.services)
