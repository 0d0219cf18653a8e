"""A host with stacks' volumes and the settings for backups, beside a real PocketBase without a listener."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from handlers.alerting import copies
from listener.backup.volumes import Volume
from tests import portal
from tests.backup import conftest as stage
from tests.cli.commands import Done, cloudfreedom
from tests.fixtures import Database

SERVER = "fake-server"


@dataclass
class Host:
    """Stacks are rows in PocketBase, with a row in the ledger as the listener would have written it."""

    database: Database
    folder: Path
    """Docker's folder of volumes."""
    env: dict[str, str]

    @property
    def admin(self) -> httpx.AsyncClient:
        """Speaks as the superuser."""
        return self.database.admin

    async def stack(self, name: str, template: str = "base-llm", **ledger: Any) -> tuple[str, Volume]:
        """The record's id and the volume of a running stack that holds data and a database."""
        body = portal.payload(self.database.tenant_id, template, name) | {"status": "running"}
        record = await portal.add(self.admin, "agent_stacks", body)
        row = {
            "id": record["id"], "kind": "agent_stacks", "tenant_id": self.database.tenant_id,
            "server_uuid": SERVER, "service_uuid": f"uuid{name}", "template": template,
            "template_version": "1.0.0", **ledger,
        }  # fmt: skip
        await portal.add(self.admin, "listener_ledger", row)
        volume = stage.volume(self.folder, f"uuid{name}", "webui.db")
        with stage.writing(volume.data / "webui.db") as writer:
            stage.said(writer, 20)
        return str(record["id"]), volume

    async def record(self, record_id: str) -> dict[str, Any]:
        """The stack's row as it is now; `info` is what it says of its last backup."""
        answer = await self.admin.get(f"/api/collections/agent_stacks/records/{record_id}")
        row: dict[str, Any] = answer.json()
        return {**row, "info": copies.info(row)}

    async def patch(self, record_id: str, **fields: Any) -> None:
        """The record has these fields."""
        answer = await self.admin.patch(f"/api/collections/agent_stacks/records/{record_id}", json=fields)
        assert answer.status_code == 200, answer.text

    async def show(self, record_id: str, **fields: Any) -> None:
        """The record shows these, as the listener would have written them."""
        answer = await self.database.service.patch(
            f"/api/collections/agent_stacks/records/{record_id}", json=fields
        )
        assert answer.status_code == 200, answer.text

    async def ledger(self, record_id: str, **fields: Any) -> None:
        """The ledger's row has these fields."""
        answer = await self.admin.patch(f"/api/collections/listener_ledger/records/{record_id}", json=fields)
        assert answer.status_code == 200, answer.text

    async def remove(self, collection: str, record_id: str) -> None:
        """The row is gone."""
        answer = await self.admin.delete(f"/api/collections/{collection}/records/{record_id}")
        assert answer.status_code == 204, answer.text

    async def rows(self, collection: str) -> list[dict[str, Any]]:
        """Every row."""
        answer = await self.admin.get(f"/api/collections/{collection}/records", params={"perPage": 500})
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def backup(self, *words: str, **env: str) -> Done:
        """`cloudfreedom backup` on this host; what it prints holds no password."""
        where = ("--dir", str(self.folder)) if words[0] in ("run", "restore") else ()
        done = await cloudfreedom({**self.env, **env}, "backup", *words, *where)
        assert stage.PASSWORD not in done.text
        return done

    def left(self, pattern: str) -> list[str]:
        """What of that name is in the state directory."""
        return [path.name for path in Path(self.env["BACKUP_STATE_DIR"]).glob(pattern)]

    def restic(self, *words: str) -> str:
        """What restic itself says of the repository."""
        env = {"PATH": "/usr/bin:/bin", "RESTIC_PASSWORD": stage.PASSWORD}
        command = ["restic", "--no-cache", "-r", self.env["BACKUP_REPOSITORY"], *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
