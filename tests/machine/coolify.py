"""Coolify, and those who work in its pages."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from handlers import ledger, naming
from handlers.requests import copies
from listener.sandbox.standin import state
from tests.machine.cast import WHO, Cast, event
from tests.machine.witness import fingerprint

COMPOSE = {"services": {"web": {"image": "nginx:1", "volumes": ["data:/data"]}}}


class InCoolify(Cast):
    """What happens there without the listener."""

    @event(who=WHO)
    def rename(self, who: int) -> None:
        if found := self.served(who):
            self._edit(found[1], name=f"by-hand-{next(self.numbers)}")

    @event(who=WHO)
    def edit_description(self, who: int) -> None:
        if (found := self.served(who)) and found[1].uuid in self.stage.leader.snapshot.services:
            self._edit(found[1], description=f"{found[1].description[:4]} edited")
            self.stage.witness.edited[found[1].uuid] = self.stage.clock.seconds

    @event(who=WHO)
    def restore_description(self, who: int) -> None:
        self.met = []
        edited = sorted(self.stage.witness.edited)
        if edited and (stack := self.stage.witness.owner(uuid := edited[who % len(edited)])):
            self.met.append(stack)
            self.restore(uuid, stack)

    @event(who=WHO, name=st.booleans())
    def clone(self, who: int, name: bool) -> None:
        """A copy with the same description, under its own name or under ours."""
        if found := self.served(who):
            uuid = self.stage.coolify.hand.clone(found[1].uuid)
            if name and self.stage.witness.known(found[0]):
                self.stage.coolify.hand.edit(uuid, name=found[1].name)
            self._foreign(uuid)

    @event(who=WHO)
    def move(self, who: int) -> None:
        """Into a project of somebody else."""
        if found := self.served(who):
            rows = self.stage.coolify.world
            other = rows.add_project(self.stage.coolify.team, "theirs", "")
            found[1].environment = other.environments[0]
            self.stage.deeds += 1

    @event(who=WHO, verb=st.sampled_from(["start", "start", "stop", "kill", "sync"]))
    def work_by_hand(self, who: int, verb: str) -> None:
        if found := self.served(who):
            self.stage.coolify.hand.act(verb, found[1].uuid)
            self.stage.deeds += 1

    @event(who=WHO)
    def delete_by_hand(self, who: int) -> None:
        if found := self.served(who):
            self.stage.coolify.hand.delete(found[1].uuid)
            self.stage.deeds += 1

    @event(who=WHO)
    def put_a_foreign_service(self, who: int) -> None:
        """Of another installation, with our record's id in its name."""
        if stack := self.pick(who, self.stacks):
            text = str(naming.Marker("zzzzzzzz", "another", stack))
            self._foreign(self._made(f"cf-other-bot-{stack}", text).uuid)

    @event()
    def find_an_old_service(self) -> None:
        """A record as an old provisioner left it, with its service."""
        self.met = []
        if len(self.live()) >= 6 or not self.tenants:
            return
        uuid = self._made(f"old-{next(self.numbers)}", "made by hand").uuid
        self._foreign(uuid)
        more = {"status": "running", "coolify_service_uuid": uuid}
        self.do(self.add("telegram-bot", self.tenants[0], **more))

    @event(tenant=WHO)
    def delete_a_project(self, tenant: int) -> None:
        """By hand; Coolify lets nobody delete one that is not empty."""
        rows = self.stage.coolify.world
        empty = [one for one in rows.projects if all(rows.is_empty(inner) for inner in one.environments)]
        if empty:
            rows.projects.remove(empty[tenant % len(empty)])
            self.stage.deeds += 1

    @event(who=WHO, pattern=st.sampled_from(["", "", "."]))
    def make_unhealthy(self, who: int, pattern: str) -> None:
        self._turn("unhealthy", self._name(who, pattern))

    @event(who=WHO, pattern=st.sampled_from(["", "", "."]))
    def make_unstartable(self, who: int, pattern: str) -> None:
        self._turn("never_start", self._name(who, pattern))

    @event(seconds=st.sampled_from([0.0, 1.0, 30.0, 60.0, 170.0, 2000.0]))
    def pace_jobs(self, seconds: float) -> None:
        """At once, slow, or as good as stuck."""
        self._turn("job_delay", seconds)

    @event(seed=st.integers(0, 99))
    def reorder_jobs(self, seed: int) -> None:
        """What is queued is done in another order."""
        line = self.stage.coolify.time._due
        deeds = [deed for _, _, deed in line]
        random.Random(seed).shuffle(deeds)
        line[:] = [(at, number, deed) for (at, number, _), deed in zip(line, deeds, strict=True)]
        self.stage.deeds += len(deeds) > 1

    @event(reachable=st.sampled_from([True, True, False]))
    def lose_the_server(self, reachable: bool) -> None:
        self._turn("reachable", reachable)

    @event(prunes=st.sampled_from([True, False, False]))
    def prune_volumes(self, prunes: bool) -> None:
        """The server deletes unused volumes: nothing may be stopped there."""
        self.stage.coolify.server.delete_unused_volumes = prunes
        self.stage.deeds += 1

    def restore(self, uuid: str, stack: str) -> None:
        """The description is what it must be."""
        service = self.stage.witness.service(uuid)
        if service is not None and (self.stage.witness.known(stack) or stack in self.rows):
            self._edit(service, description=self.stage.witness.marker(stack))
        self.stage.witness.edited.pop(uuid, None)

    def _edit(self, service: state.Service, **texts: str) -> None:
        """Some seconds after everything else, so that Coolify's whole seconds tell."""
        self.stage.pass_time(1.5)
        if self.stage.witness.service(service.uuid) is service:
            self.stage.coolify.hand.edit(service.uuid, **texts)
            self.stage.deeds += 1

    def _name(self, who: int, pattern: str) -> str:
        stack = self.pick(who, self.live())
        return pattern and f"{stack}$"

    def _turn(self, knob: str, value: object) -> None:
        self.stage.coolify.knobs.turn({knob: value})
        self.stage.deeds += 1

    def _made(self, name: str, description: str) -> state.Service:
        coolify = self.stage.coolify
        project = coolify.world.add_project(coolify.team, "theirs", "")
        place = (project.environments[0], coolify.server, coolify.server.destinations[0])
        made = coolify.world.add_service(*place, name)
        made.document, made.description = COMPOSE, description
        coolify.world.parse(made)
        for part in made.parts:
            part.runs, part.status = True, "running:unknown"
        return made

    def _foreign(self, uuid: str) -> None:
        service = self.stage.witness.service(uuid)
        assert service is not None
        self.stage.witness.foreign[uuid] = fingerprint(service)
        self.stage.deeds += 1

    def request(self, verb: str, stack: str) -> dict[str, object] | None:
        """The row of a request that staff has reason for."""
        witness, arguments = self.stage.witness, dict[str, str]()
        if verb == "purge":
            witness.purges.add(stack)
        if verb == "backup_proven":
            arguments = {"snapshot": "1a2b3c4d", "at": self.stage.clock.now().isoformat()}
        if verb == "adopt":
            uuid = str(self.rows.get(stack, {}).get("coolify_service_uuid") or "")
            service = witness.service(uuid)
            if service is None or service.description != "made by hand" or witness.made(stack):
                return None
            witness.adoptions.add(uuid)
            arguments = {"service": uuid}
        return {"verb": verb, "target": stack, "state": "open", "actor": "ada", "arguments": arguments}

    @event(
        who=WHO,
        verb=st.sampled_from(
            ["retry", "recreate", "purge", "approve", "adopt", "adopt", "explode", *copies.VERBS]
        ),
    )
    def ask(self, who: int, verb: str) -> None:
        """A request of staff, which the leader carries out when its turn comes."""
        if (stack := self.pick(who, self.stacks)) and (row := self.request(verb, stack)):
            self._request(row)

    @event(who=WHO)
    def waive(self, who: int) -> None:
        """Staff wants no copy of one that is deleted and kept."""
        rows = self.stage.witness.of(ledger.COLLECTION)
        kept = [one for one in self.stacks if rows.get(one, {}).get("stage") == "retained"]
        if stack := self.pick(who, kept):
            self._request(
                {"verb": copies.WAIVED, "target": stack, "state": "open", "actor": "ada", "arguments": {}}
            )

    def _request(self, row: dict[str, object]) -> None:
        made = self.do(self.stage._send("POST", "listener_requests", "", row))
        self.stage.touch("listener_requests", made["id"])
