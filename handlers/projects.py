"""The verbs on Coolify's projects: only the tenants' handler carries out those that make or delete one."""

from __future__ import annotations

from dataclasses import dataclass

from handlers import naming, steps


@dataclass(frozen=True, slots=True)
class WishProject:
    """The tenant needs a project; only the tenant's handler makes one."""

    tenant_id: str
    effect = False

    def describe(self) -> str:
        return f"ask for the project of tenant {self.tenant_id}"

    async def run(self, hands: steps.Hands) -> None:
        hands.scribe.wish_project(self.tenant_id)


@dataclass(frozen=True, slots=True)
class CreateProject:
    """Make the tenant's project and remember its uuid."""

    name: str
    marker: naming.Marker
    effect = True

    def describe(self) -> str:
        return f"create project {self.name}"

    async def run(self, hands: steps.Hands) -> None:
        async with steps.intent(hands):
            uuid = await hands.coolify.create_project(self.name, str(self.marker))
        await hands.scribe.record(
            hands.key,
            ledger={"project_uuid": uuid, "intent": None},
            show={"coolify_project_uuid": uuid},
            entry=steps.Entry("project.create", "done", detail={"project_uuid": uuid}),
        )


@dataclass(frozen=True, slots=True)
class StampProject:
    """Put our name and marker on a project that a person gave us; what is in it stays as it is."""

    uuid: str
    name: str
    marker: naming.Marker
    effect = True

    def describe(self) -> str:
        return f"stamp project {self.uuid}: name {self.name}, description {self.marker}"

    async def run(self, hands: steps.Hands) -> None:
        await hands.coolify.patch_project(self.uuid, name=self.name, description=str(self.marker))


@dataclass(frozen=True, slots=True)
class DeleteProject:
    """Delete the project; Coolify refuses while anything is in it (400, 4.3.10 ProjectController.php)."""

    uuid: str
    effect = True

    def describe(self) -> str:
        return f"delete project {self.uuid}, if it is empty"

    async def run(self, hands: steps.Hands) -> None:
        await hands.coolify.delete_project(self.uuid)
