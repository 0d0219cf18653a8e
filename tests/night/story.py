"""The night, part by part: what breaks, what the phone says, what is typed, how one sees that it is over."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from listener.sandbox import people
from tests.night.scene import STACKS, Scene

Part = Callable[[Scene], Awaitable[None]]


async def evening(scene: Scene) -> None:
    """How it is before."""
    scene.title("Evening")
    scene.say("One tenant, six bots. Alerts go to a phone; nothing has come.")
    await scene.run("status")


async def coolify_goes_down(scene: Scene) -> None:
    """An edit waits for Coolify, and is made when it is back."""
    scene.title("Coolify goes down")
    fleet, (first, *_) = scene.fleet, scene.fleet.made
    await fleet.world.coolify.terminate()
    await fleet.change(first, config={"env_vars": {**fleet.variables(), "MODEL": "another-model"}})
    scene.say("Coolify's process is gone. A tenant changes the model of a bot all the same.")
    await scene.alerted(("coolify", "raised"))
    await scene.run("status")
    scene.say(
        "OPERATIONS, “Coolify is gone”: stacks run on, nothing is to be done here. Coolify is started again."
    )
    await fleet.world.coolify.start()
    await scene.alerted(("coolify", "cleared"))
    await scene.settled()
    await scene.run("plan")
    scene.say("The edit was made by itself: `plan` has nothing left to do.")


async def a_bot_runs_out_of_memory(scene: Scene) -> None:
    """The watch of Docker tells what Coolify does not."""
    scene.title("A bot runs out of memory")
    stack = scene.fleet.made[1]
    (service,) = [one for one in await scene.fleet.services() if one["name"].endswith(stack)]
    scene.ended(service["uuid"], oom=True)
    scene.say(
        "A container was ended by the kernel. (The sandbox has no Docker: the watch's report is by hand.)"
    )
    await scene.alerted(("oom", "raised"))
    done = await scene.run("alerts", "list")
    alert = done.out.splitlines()[1].split()[0]
    await scene.run("alerts", "ack", alert)
    await scene.run("explain", "acme/bot-1", most=40)
    scene.say(
        "Its tenant is lifted to the next tariff. The new limits follow one stack of a tenant at a time."
    )
    tenant = f"/api/collections/tenants/records/{scene.fleet.owner.tenant_id}"
    await people.ask(scene.fleet.admin, "PATCH", tenant, {"plan_tier": "business"})
    await scene.settled()
    scene.ended(service["uuid"], oom=False)
    await scene.alerted(("oom", "cleared"))


async def a_stale_form_is_saved(scene: Scene) -> None:
    """An admin saves a form that was opened before somebody else's edit."""
    scene.title("A stale form")
    fleet, stack = scene.fleet, scene.fleet.made[2]
    form = await people.ask(fleet.admin, "GET", f"{STACKS}/records/{stack}")
    await fleet.change(stack, desired_state="suspended")
    await scene.shown([stack], "suspended")
    scene.say(
        "The tenant suspends a bot. An admin saves that bot's whole form, opened before, with its old fields."
    )
    answer = await fleet.admin.patch(f"{STACKS}/records/{stack}", json=form)
    scene.say(f"PocketBase (our hooks) answers {answer.status_code}: {answer.json().get('message', '')}")
    await anyio.sleep(2.0)
    await scene.shown([stack], "suspended")
    await scene.run("operations", "--stack", stack, "--lines", "4")
    scene.say("It stays suspended. In the morning the tenant resumes it:")
    await scene.run("resume", stack, "--wait")


async def all_stacks_are_deleted(scene: Scene) -> None:
    """The brake stops three; all come back."""
    scene.title("All stacks are deleted by mistake")
    fleet = scene.fleet
    answer = await fleet.admin.delete(f"{STACKS}/truncate", timeout=60.0)
    scene.say(f"Somebody truncates the collection of stacks (HTTP {answer.status_code}).")
    await scene.alerted(("brake", "raised"))
    await scene.run("deletions")
    scene.say("OPERATIONS, “Mass delete by mistake”:")
    await scene.run("undelete", "--since", "1h", "--yes")
    await scene.shown(fleet.made, "running")
    await scene.alerted(("brake", "cleared"))
    await scene.run("status")


async def pocketbase_is_put_back(scene: Scene, copy: Path) -> None:
    """Nothing is done before a person accepts."""
    scene.title("PocketBase is put back to a copy from before")
    await scene.put_back(copy)
    scene.say(
        "A colleague restores PocketBase from a copy of an hour ago, from before the edits of the night."
    )
    await scene.alerted(("held", "raised"))
    await scene.run("doctor", code=1, most=60)
    scene.say("OPERATIONS, “Something was restored”: the report is read, and accepted.")
    await scene.run("accept", "--yes")
    await scene.alerted(("held", "cleared"))

    async def is_forgotten() -> bool:
        services = (await scene.fleet.truth()).services.values()
        return "another-model" not in {one["values"].get("MODEL") for one in services}

    await scene.until(is_forgotten, "the edit of the night is undone in Coolify")
    await scene.settled()
    await scene.run("plan")
    scene.say("What the night's edits had changed in Coolify is again what the records say.")


async def morning(scene: Scene) -> None:
    """What is left of it."""
    scene.title("Morning")
    await scene.run("status")
    await scene.run("alerts", "list", "--all")


async def night(scene: Scene, folder: Path) -> None:
    """From evening to morning; asserts that every part ended well."""
    await evening(scene)
    copy, database = folder / "copy", scene.fleet.world.pocketbase
    await database.kill()
    shutil.copytree(database.data_dir / "pb_data", copy)
    await database.start()
    await scene.shown(scene.fleet.made, "running")
    parts: tuple[Part, ...] = (
        coolify_goes_down,
        a_bot_runs_out_of_memory,
        a_stale_form_is_saved,
        all_stacks_are_deleted,
    )
    for part in parts:
        await part(scene)
    await pocketbase_is_put_back(scene, copy)
    await morning(scene)
    assert all(row["cleared"] != "" for row in await scene.fleet.rows("stack_alerts"))
