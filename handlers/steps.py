"""The verbs: every effect on Coolify and on the ledger, each a small value that can be printed.

A step is idempotent or protected by the intent that the step before it wrote. Steps on an existing service
carry the proof that it is ours; there is no other way to make one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import SecretStr

from handlers import naming
from listener import contract, errors
from listener.coolify import client, payloads


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit trail."""

    verb: str
    outcome: str
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    held: str = ""
    """The reason that staff gave for it, which the tenant reads."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value to keep sealed for a stack, or with an empty `stack_id` for all stacks of a tenant."""

    stack_id: str
    tenant_id: str
    name: str
    value: SecretStr = field(repr=False)


class Scribe(Protocol):
    """Writes ledger, record and audit as one batch, then remembers."""

    async def record(
        self,
        key: contract.Key,
        *,
        ledger: Mapping[str, Any] | None = None,
        show: Mapping[str, Any] | None = None,
        entry: Entry | None = None,
        consume: str = "",
        spec: Mapping[str, Any] | None = None,
        beside: Mapping[contract.Key, Mapping[str, Any]] | None = None,
        secrets: Sequence[Secret] = (),
        revive: Mapping[str, Any] | None = None,
    ) -> None:
        """All of it is stored, or none.

        `consume` clears the record's action if it still is that one; `spec` is sealed into the ledger as the
        last spec; `beside` are fields of other records; `secrets` are kept sealed; `revive` makes the record
        again under its old id.
        """
        ...

    async def erase(self, key: contract.Key, by: str) -> None:
        """What PocketBase holds of this stack, or of this tenant beside its stacks, is gone."""
        ...

    async def reseal(self) -> None:
        """Everything sealed is sealed with the first key."""
        ...

    def wish_project(self, tenant_id: str) -> None:
        """The tenant's handler will find that a stack waits for the project."""
        ...

    def proven(self, record_id: str, proof: naming.Proof) -> None:
        """The 201 of our own create is proof as well."""
        ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What a step needs to act."""

    coolify: client.Coolify
    scribe: Scribe
    key: contract.Key


class Act(Protocol):
    """A step with its deed."""

    effect: bool
    """It changes something in Coolify: lists requested before its answer no longer count."""

    def describe(self) -> str:
        """One printable line, without secrets."""
        ...

    async def run(self, hands: Hands) -> None:
        """The deed."""
        ...


@asynccontextmanager
async def intent(hands: Hands) -> AsyncIterator[None]:
    """A create that is known not to have happened leaves no open intent; an ambiguous one does."""
    try:
        yield
    except errors.Ambiguous:
        raise
    except errors.ListenerError as error:
        entry = Entry("create", "failed", error.code)
        await hands.scribe.record(hands.key, ledger={"intent": None}, entry=entry)
        raise


@dataclass(frozen=True, slots=True)
class Record:
    """One batch: what the ledger must know, what the record shows, what the audit keeps."""

    ledger: Mapping[str, Any] = field(default_factory=dict, repr=False)
    show: Mapping[str, Any] = field(default_factory=dict)
    entry: Entry | None = None
    consume: str = ""
    spec: Mapping[str, Any] | None = field(default=None, repr=False)
    of: contract.Key | None = None
    """Whose ledger row and record, when they are not the plan's own."""
    answer: Mapping[str, Any] = field(default_factory=dict)
    """What the plan's own record then shows: a request is answered in the batch that carries it out."""
    secrets: tuple[Secret, ...] = ()
    beside: Mapping[contract.Key, Mapping[str, Any]] = field(default_factory=dict)
    """What other records then show."""
    revive: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The fields with which a record that is gone is made again, under its old id."""
    effect = False

    def describe(self) -> str:
        parts = [f"note {self.entry.verb} {self.entry.outcome}"] if self.entry else []
        parts += [f"remember {', '.join(sorted(self.ledger))}"] if self.ledger else []
        parts += [f"show {', '.join(f'{k}={v!r}' for k, v in self.show.items())}"] if self.show else []
        parts += [f"make record {self.of.id if self.of else ''} again"] if self.revive else []
        parts += [f"clear action {self.consume}"] if self.consume else []
        names = ", ".join(one.name for one in self.secrets)
        parts += [f"keep secrets {names} (values hidden)"] if names else []
        parts += [f"show on {key.collection} {key.id}: {show}" for key, show in self.beside.items()]
        return "; ".join(parts)

    async def run(self, hands: Hands) -> None:
        await hands.scribe.record(
            self.of or hands.key,
            ledger=self.ledger,
            show=self.show,
            entry=self.entry,
            consume=self.consume,
            spec=self.spec,
            beside={**self.beside, **({hands.key: self.answer} if self.answer else {})},
            secrets=self.secrets,
            revive=self.revive or None,
        )


@dataclass(frozen=True, slots=True)
class CreateService:
    """Make the service, not started, and remember its uuid: the rest of the sequence is repeatable."""

    new: payloads.NewService
    effect = True

    def describe(self) -> str:
        urls = "".join(f", {url}" for _, url in self.new.urls)
        return f"create service {self.new.name}{urls}"

    async def run(self, hands: Hands) -> None:
        async with intent(hands):
            uuid = await hands.coolify.create_service(self.new)
        hands.scribe.proven(hands.key.id, naming.Proof(uuid, self.new.name, server_status=True, read_at=0.0))
        await hands.scribe.record(
            hands.key,
            ledger={"service_uuid": uuid, "intent": None},
            show={
                "coolify_service_uuid": uuid,
                "coolify_project_uuid": self.new.project_uuid,
                "coolify_server_uuid": self.new.server_uuid,
            },
            entry=Entry("service.create", "done", detail={"service_uuid": uuid}),
        )


@dataclass(frozen=True, slots=True)
class PatchService:
    """Save compose, domain or name on the service; its containers stay as they are."""

    proof: naming.Proof
    name: str | None = None
    compose: str | None = field(default=None, repr=False)
    urls: tuple[tuple[str, str], ...] | None = None
    effect = True

    def describe(self) -> str:
        parts = [f"name {self.name}"] if self.name else []
        parts += ["compose"] if self.compose else []
        parts += [f"domain {url or '(none)'}" for _, url in self.urls or ()]
        return f"patch service {self.proof.uuid}: {', '.join(parts)}"

    async def run(self, hands: Hands) -> None:
        await hands.coolify.patch_service(
            self.proof.uuid, name=self.name, compose=self.compose, urls=self.urls
        )


@dataclass(frozen=True, slots=True)
class PutEnvs:
    """Send every variable, and remove those that we sent once and that are gone."""

    proof: naming.Proof
    envs: tuple[payloads.Env, ...] = field(repr=False)
    drop: tuple[str, ...] = ()
    effect = True

    def describe(self) -> str:
        names = ", ".join(env.key for env in self.envs) or "none"
        dropped = f"; remove {', '.join(self.drop)}" if self.drop else ""
        return f"variables {names} (values hidden){dropped}"

    async def run(self, hands: Hands) -> None:
        await hands.coolify.put_envs(self.proof.uuid, self.envs)
        if self.drop:
            known = await hands.coolify.env_keys(self.proof.uuid)
            for key in self.drop:
                if key in known:
                    await hands.coolify.delete_env(self.proof.uuid, known[key])


@dataclass(frozen=True, slots=True)
class Restart:
    """Bring the service up with what is saved; accepted from any state."""

    proof: naming.Proof
    was_running: bool = False
    """It may be shown as running until the queued job begins."""
    effect = True

    def describe(self) -> str:
        return f"restart service {self.proof.uuid}"

    async def run(self, hands: Hands) -> None:
        await hands.coolify.restart(self.proof.uuid)


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the service; volumes, variables and domain stay."""

    proof: naming.Proof
    effect = True

    def describe(self) -> str:
        return f"stop service {self.proof.uuid}"

    async def run(self, hands: Hands) -> None:
        await hands.coolify.stop(self.proof.uuid)


@dataclass(frozen=True, slots=True)
class DeleteService:
    """Delete the service with its volumes; nothing brings them back."""

    proof: naming.Proof
    effect = True

    def describe(self) -> str:
        return f"delete service {self.proof.uuid} with its volumes"

    async def run(self, hands: Hands) -> None:
        await hands.coolify.delete_service(self.proof.uuid)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Put our name and marker on a service that a person gave us; everything else of it stays as it is.

    The one step on a service without proof: a person confirmed both sides.
    """

    uuid: str
    name: str
    marker: naming.Marker
    effect = True

    def describe(self) -> str:
        return f"stamp service {self.uuid}: name {self.name}, description {self.marker}"

    async def run(self, hands: Hands) -> None:
        await hands.coolify.patch_service(self.uuid, name=self.name, description=str(self.marker))
