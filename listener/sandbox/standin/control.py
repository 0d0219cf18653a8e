"""`/_standin/…`: the handles of the stand-in over HTTP. No token, no limit, on loopback only."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listener.sandbox.standin import answers, domains, faults, state

if TYPE_CHECKING:
    from listener.sandbox.standin.standin import StandIn


def routes(standin: StandIn) -> list[Route]:
    """The control routes."""
    handles = _Handles(standin)
    return [
        Route("/knobs", handles.knobs, methods=["GET", "POST"]),
        Route("/faults", handles.faults, methods=["GET", "POST", "DELETE"]),
        Route("/calls", handles.calls, methods=["GET", "DELETE"]),
        Route("/state", handles.state, methods=["GET"]),
        Route("/hand", handles.hand, methods=["POST"]),
        Route("/backup", handles.backup, methods=["POST", "PUT", "DELETE"]),
        Route("/jobs", handles.jobs, methods=["POST"]),
        Route("/jobs/faults", handles.job_faults, methods=["GET", "POST", "DELETE"]),
    ]


class _Handles:
    def __init__(self, standin: StandIn) -> None:
        self._standin = standin

    async def knobs(self, request: Request) -> Response:
        """GET shows them; POST sets the named ones."""
        if request.method == "POST":
            try:
                self._standin.knobs.turn(await request.json())
            except ValueError as error:
                return _answer({"message": str(error)}, 400)
        return _answer(self._standin.knobs.show())

    async def faults(self, request: Request) -> Response:
        """GET shows what still waits; POST adds one, then the last; DELETE removes `?number=`, or all."""
        waiting = self._standin.faults
        if request.method == "DELETE":
            number = request.query_params.get("number", "")
            waiting.drop(int(number)) if number.isdigit() else waiting.clear()
        if request.method == "POST":
            try:
                waiting.put(faults.read(faults.Fault, await request.json()))
            except ValueError as error:
                return _answer({"message": str(error)}, 400)
        return _answer([fault.shown() for fault in waiting.pending()])

    async def job_faults(self, request: Request) -> Response:
        """GET shows them; POST adds one, then the last; DELETE lifts `?number=`, or all: held jobs begin."""
        queue = self._standin.jobs
        self._standin.tick()
        if request.method == "DELETE":
            number = request.query_params.get("number", "")
            for fault in queue.spoiled():
                if number in ("", str(fault.number)):
                    queue.lift(fault.number)
        if request.method == "POST":
            try:
                queue.spoil(faults.read(faults.JobFault, await request.json()))
            except ValueError as error:
                return _answer({"message": str(error)}, 400)
        return _answer([fault.shown() for fault in queue.spoiled()])

    async def calls(self, request: Request) -> Response:
        """GET lists them (filter by `method` and `route`, `skip` so many first); DELETE forgets them."""
        if request.method == "DELETE":
            self._standin.calls.reset()
        query = request.query_params
        return _answer(
            [
                dataclasses.asdict(call)
                for call in itertools.islice(self._standin.calls, int(query.get("skip", 0)), None)
                if query.get("method", call.method) == call.method
                and query.get("route", call.route) == call.route
            ]
        )

    async def state(self, _: Request) -> Response:
        """What exists, and what truly runs."""
        self._standin.tick()
        world = self._standin.world
        return _answer(
            {
                "projects": [
                    {"uuid": p.uuid, "name": p.name, "description": p.description} for p in world.projects
                ],
                "servers": [
                    {"uuid": s.uuid, "name": s.name, "prunes": s.prunes, "volumes": sorted(s.volumes)}
                    for s in world.servers
                ],
                "services": [shown(one) for one in (*world.services, *world.graveyard)],
            }
        )

    async def hand(self, request: Request) -> Response:
        """`{"do": verb, "uuid": …, more}` as a person in Coolify's pages would."""
        body = await request.json()
        try:
            done = self._standin.hand.act(body.pop("do"), **body)
        except answers.Refused as refused:
            return _answer(refused.answer.body, refused.answer.status)
        except (KeyError, TypeError) as error:
            return _answer({"message": f"cannot do that: {error}"}, 400)
        return _answer({"done": done})

    async def backup(self, request: Request) -> Response:
        """POST saves what exists; PUT puts back what was saved; DELETE empties Coolify, as if it was new."""
        world = self._standin.world
        if request.method == "DELETE":
            world.clear()
        elif request.method == "PUT":
            world.put_back()
        else:
            world.save()
        return _answer({"done": True})

    async def jobs(self, _: Request) -> Response:
        """Every queued job has run."""
        await self._standin.run_jobs()
        return _answer({"done": True})


def shown(service: state.Service) -> dict[str, Any]:
    """A service as `GET /_standin/state` shows it: no values of variables."""
    return {
        "uuid": service.uuid,
        "name": service.name,
        "description": service.description,
        "status": service.status,
        "deleted": bool(service.deleted),
        "deletions": service.deletions,
        "project": service.environment.project.name,
        "project_uuid": service.environment.project.uuid,
        "server_uuid": service.server.uuid,
        "domains": domains.listed(service),
        "variables": [variable.key for variable in service.variables],
        "containers": {part.name: part.runs for part in service.parts},
        "half_made": service.compose is None,
        "ups": service.ups,
        "failure": service.failure,
    }


def _answer(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")
