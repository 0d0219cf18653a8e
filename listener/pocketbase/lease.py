"""The one lease row in PocketBase: `listener_lease/main`, fields `fence` (number) and `holder` (text)."""

from __future__ import annotations

from listener import contract, errors
from listener.pocketbase import batch, client, written

COLLECTION = "listener_lease"
ROW = "main"


class PocketBaseLease:
    """Compare-and-swap on the lease row, past the writer's queue and budget: a renewal waits for nobody.

    Give it a client of its own connections, or it waits for those of the reads.
    """

    def __init__(self, *, pocketbase: client.PocketBase) -> None:
        self._pocketbase = pocketbase

    async def read(self) -> contract.LeaseState:
        """The row as it is now; raises `Global` `LEASE_MISSING` and like `PocketBase.get`."""
        return await read(self._pocketbase)

    async def advance(self, *, fence: int, holder: str) -> contract.LeaseState | None:
        """`holder` has the lease with `fence` + 1, or None: the fence is not `fence` any more.

        A refusal or lost answer is looked up before it counts; a refusal of a dead token is tried once more
        with a new one. Raises `Ambiguous` when the answer was lost and the row is as before, `Global`
        `LEASE_REFUSED` when PocketBase refuses although the fence is right, and like `batch.post`.
        """
        logins = self._pocketbase.session.logins
        try:
            return await self._swap(fence, holder)
        except errors.Ambiguous as lost:
            return _outcome(await read(self._pocketbase), fence, holder, undecided=lost)
        except batch.Refused:
            await self._pocketbase.session.prove()
            if self._pocketbase.session.logins != logins:
                return await self._again(fence, holder)
            return _outcome(await read(self._pocketbase), fence, holder, undecided=_refused())

    async def _again(self, fence: int, holder: str) -> contract.LeaseState | None:
        try:
            return await self._swap(fence, holder)
        except batch.Refused:
            return _outcome(await read(self._pocketbase), fence, holder, undecided=_refused())

    async def _swap(self, fence: int, holder: str) -> contract.LeaseState:
        write = batch.Write(
            "PATCH", COLLECTION, ROW, {"fence+": 1, "holder": holder}, query={"if_fence": str(int(fence))}
        )
        (row,) = written.complete([write], await batch.post(self._pocketbase, [write]))
        return _state(row)


async def read(pocketbase: client.PocketBase) -> contract.LeaseState:
    """The lease row as it is now; a 404 is believed only after a proof of identity."""
    row = await pocketbase.get(COLLECTION, ROW)
    if row is None:
        await pocketbase.session.prove()
        row = await pocketbase.get(COLLECTION, ROW)
    if row is None:
        raise errors.Global(
            "LEASE_MISSING",
            f"PocketBase shows no row {ROW!r} in {COLLECTION!r}",
            why="it was never made, or the rules of the collection hide it",
            fix="run `cloudfreedom schema apply`",
        )
    return _state(row)


def lost(why: str) -> errors.LeaseLost:
    """The error of a write that only the lease's holder may do."""
    return errors.LeaseLost(
        "LEASE_LOST",
        "this listener is not the one that may act",
        why=f"the lease: {why}",
        fix="nothing to do: another listener has taken over, and this one stands by",
    )


def _outcome(
    now: contract.LeaseState, fence: int, holder: str, *, undecided: errors.ListenerError
) -> contract.LeaseState | None:
    if now == contract.LeaseState(fence + 1, holder):
        return now
    if now.fence == fence:
        raise undecided
    return None


def _refused() -> errors.Global:
    return errors.Global(
        "LEASE_REFUSED",
        "PocketBase refuses to renew the lease although its fence is right",
        why=f"the update rule of {COLLECTION!r} was changed",
        fix="run `cloudfreedom schema diff`, then `cloudfreedom schema apply`",
    )


def _state(row: client.Row) -> contract.LeaseState:
    return contract.LeaseState(fence=int(row.get("fence", 0)), holder=str(row.get("holder", "")))
