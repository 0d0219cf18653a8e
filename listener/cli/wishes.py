"""What `cloudfreedom suspend`, `resume`, `restart`, `delete` and `hold` mean for one stack: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from handlers import status
from listener import errors
from listener.cli import rows


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command means for one stack."""

    told: str
    """What the person reads once it is written."""
    ends: status.Status
    """What the record shows in the end."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """To write; none when it is so already."""
    vain: str = ""
    """Why the record will not show it for now; empty when nothing is in the way."""


def suspend(stack: rows.Stack) -> Wish:
    """Stopped, its data kept."""
    _not_deleted(stack)
    if stack.desired_state == "suspended":
        return Wish("is suspended already." + _still(stack, "suspended"), status.Status.SUSPENDED)
    return Wish(
        "is to be suspended. Its data is kept.", status.Status.SUSPENDED, {"desired_state": "suspended"}
    )


def resume(stack: rows.Stack) -> Wish:
    """Running again, unless a hold or its tenant forbids that."""
    _not_deleted(stack)
    but = f" It stays suspended: {stack.rests}." if stack.rests else ""
    if stack.desired_state == "running":
        told = "is to run already." + (but or _still(stack, "running"))
        return Wish(told, status.Status.RUNNING, vain=stack.rests)
    return Wish(f"is to run.{but}", status.Status.RUNNING, {"desired_state": "running"}, stack.rests)


def restart(stack: rows.Stack) -> Wish:
    """Restarted once; raises when it would not run, or another action is still to be carried out."""
    _not_deleted(stack)
    if stack.wanted != "running" or stack.status == status.Status.SUSPENDED:
        raise errors.Refusal(
            "STACK_RESTS",
            f"{stack.name} is suspended, so there is nothing to restart.",
            why=stack.rests or f"it shows {stack.status} and is wanted {stack.wanted}",
            fix=f"`cloudfreedom hold {stack.name} --clear`, or activate its tenant"
            if stack.rests
            else f"`cloudfreedom resume {stack.name}` starts it",
        )
    if stack.action == "restart":
        return Wish("is to be restarted already.", status.Status.RUNNING)
    if stack.action:
        raise errors.Terminal(
            "ACTION_PENDING",
            f"{stack.name} was not asked to restart",
            why=f"its action {stack.action} is not carried out yet, and there is room for one",
            fix="try again in a moment; `cloudfreedom status` says whether a listener leads",
        )
    return Wish("is to be restarted.", status.Status.RUNNING, {"action": "restart"})


def hold(reason: str) -> Callable[[rows.Stack], Wish]:
    """The wish that puts a stack on hold with this reason, or, for an empty one, ends its hold."""
    return partial(_hold, reason) if reason else _unhold


def delete(stack: rows.Stack) -> Wish:
    """Stopped, its data kept for its tariff's time."""
    if stack.desired_state == "deleted":
        kept = f"; its data is kept until {stack.purge_after[:16]} UTC" if stack.purge_after else ""
        return Wish(f"is deleted already{kept}.", status.Status.DELETED)
    return Wish("is to be deleted.", status.Status.DELETED, {"desired_state": "deleted"})


def _hold(reason: str, stack: rows.Stack) -> Wish:
    _not_deleted(stack)
    if stack.hold == reason:
        return Wish(f"is on hold already: {reason}", status.Status.SUSPENDED)
    return Wish(
        f"is on hold: {reason} (its tenant cannot resume it).", status.Status.SUSPENDED, {"hold": reason}
    )


def _unhold(stack: rows.Stack) -> Wish:
    """What it shows in the end is what it was before the hold."""
    ends = status.Status(stack.desired_state or "running")
    vain = stack.tenant_stops if ends is status.Status.RUNNING else ""
    but = f" It stays suspended: {vain}." if vain else ""
    if not stack.hold:
        return Wish(f"is not on hold.{but}", ends, vain=vain)
    return Wish(f"is on hold no more.{but}", ends, {"hold": ""}, vain)


def _still(stack: rows.Stack, wanted: str) -> str:
    return "" if stack.status == wanted else f" Its record shows {stack.status or 'nothing yet'} so far."


def _not_deleted(stack: rows.Stack) -> None:
    if stack.desired_state == "deleted":
        raise errors.Refusal(
            "STACK_DELETED",
            f"{stack.name} was deleted.",
            why="its record is wanted deleted, and this must not bring it back by the way",
            fix=f"`cloudfreedom undelete {stack.name}` brings it back while its data is kept",
        )
