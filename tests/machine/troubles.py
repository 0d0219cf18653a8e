"""What fails, on either wire and in either upstream."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from handlers import records
from listener.sandbox.standin import state
from tests.machine import wire
from tests.machine.cast import WHO, Cast, event

ROUTES = (
    "^/projects$", "^/services$", "^/services$", "^/services/[a-z0-9]+$", "/envs/bulk$", "/restart$",
    "/stop$", "/envs", "^/servers$", "/teams/current",
)  # fmt: skip
OUTAGES = st.sampled_from([5.0, 90.0, 700.0, 1300.0])
"""Seconds: shorter and longer than what two looks and two sweeps need."""
RULES = ("listRule", "viewRule")


class Troubles(Cast):
    """Faults and outages."""

    @event(
        route=st.sampled_from(ROUTES), effect=st.booleans(), times=st.integers(1, 3),
        reply=st.sampled_from(["drop", "drop", 500, 429, 401, "garbage", 422, 404]),
    )  # fmt: skip
    def fail_coolify(self, route: str, reply: Any, effect: bool, times: int) -> None:
        effect = effect and reply in ("drop", 500, "garbage")
        self.stage.coolify.faults.add("", route, effect=effect, reply=reply, times=times)
        self.stage.deeds += 1

    @event(who=WHO, reply=st.sampled_from(["drop", 500, "garbage"]), effect=st.booleans(), late=st.booleans())
    def lose_a_create(self, who: int, reply: Any, effect: bool, late: bool) -> None:
        """The answer to the create of a new stack is lost; the process may be lost with it."""
        self.met = []
        if len(self.live()) >= 6 or not self.tenants:
            return
        self.stage.coolify.faults.add("POST", "^/services$", effect=effect, reply=reply)
        self.do(self.add("telegram-bot", self.tenants[who % len(self.tenants)]))
        self.do(self.stage.settle(25.0))
        if late:
            self.do(self.stage.restart())
            self.do(self.stage.settle(25.0))

    @event(reply=st.sampled_from([500, "drop", 404, "garbage", 401]), times=st.integers(1, 8))
    def fail_lists(self, reply: Any, times: int) -> None:
        self.stage.coolify.faults.add("GET", "/resources$", reply=reply, times=times)
        self.stage.deeds += 1

    @event(
        reply=st.sampled_from([400, 500, "drop", "garbage", 401, 403]), effect=st.booleans(),
        times=st.integers(1, 3),
        what=st.sampled_from(["POST /api/batch", "POST /api/batch", "GET /api/collections"]),
    )  # fmt: skip
    def fail_pocketbase(self, reply: Any, effect: bool, times: int, what: str) -> None:
        effect = effect and reply in ("drop", 500, "garbage")
        self.stage.mood.faults.append(wire.Fault(what, reply, effect, times))
        self.stage.deeds += 1

    @event(seconds=OUTAGES, who=WHO, collection=st.sampled_from([records.STACKS, records.TENANTS]), share=WHO)
    def hide_rows(self, seconds: float, who: int, collection: str, share: int) -> None:
        """A rule hides some rows, or all: 200 with fewer of them."""
        ids = sorted(self.stage.witness.of(collection))
        hidden = ids if share < 2 else ids[who % len(ids) :][:1] if ids else []
        self.do(self._hide(collection, [f'id != "{one}"' for one in hidden] or ["id = id"]))
        try:
            self.do(self.stage.span(seconds))
        finally:
            self.do(self._hide(collection, []))

    @event(seconds=OUTAGES)
    def kill_the_token(self, seconds: float) -> None:
        """PocketBase takes us for a guest: 200 with no rows, 404 for each."""
        self.stage.mood.is_guest = self.stage.witness.is_blind = True
        self.do(self.stage.span(seconds))
        self.stage.mood.is_guest = self.stage.witness.is_blind = False
        self.stage.deeds += 1

    @event(seconds=OUTAGES, refuse=st.booleans())
    def lose_coolifys_token(self, seconds: float, refuse: bool) -> None:
        """It is refused (401), or the API is switched off (403)."""
        if refuse:
            self.stage.coolify.world.tokens[self.stage.coolify.token].expired = True
        self.stage.coolify.world.enabled = refuse
        self.do(self.stage.span(seconds))
        self.stage.coolify.world.tokens[self.stage.coolify.token].expired = False
        self.stage.coolify.world.enabled = True
        self.stage.deeds += 1

    @event(seconds=OUTAGES)
    def answer_for_another_team(self, seconds: float) -> None:
        """Coolify's token answers for a team in which nothing of ours exists."""
        token = self.stage.coolify.world.tokens[self.stage.coolify.token]
        ours = token.user
        token.user = self._stranger()
        self.do(self.stage.span(seconds))
        token.user = ours
        self.stage.deeds += 1

    def _stranger(self) -> state.User:
        world = self.stage.coolify.world
        for user in world.users:
            if user.team is not self.stage.coolify.team:
                return user
        return world.add_user(world.add_team("Another"))

    async def _hide(self, collection: str, conditions: list[str]) -> None:
        """The rule lets through what it did before, less what the conditions take away."""
        rules = await self.stage.rules(collection)
        wanted = (
            {name: " && ".join([f"({rules[name]})", *conditions]) for name in RULES} if conditions else rules
        )
        answer = await self.stage.admin.patch(f"/api/collections/{collection}", json=wanted)
        assert answer.status_code == 200, answer.text
        self.stage.deeds += 1
