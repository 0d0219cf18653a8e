"""PocketBase's own backups: one of the whole data folder before its data model is changed, the last few kept.

`POST /api/backups` answers when the archive is complete, on disk or in S3 as PocketBase is set. Names are of
a-z, 0-9, _ and -. Writes wait meanwhile (core/base_backup.go, 0.40.6). Only superusers may.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote

import httpx

from listener import errors, transport

PATH = "/api/backups"
KEPT = 5
"""Backups of ours that stay; older ones are removed, others are never touched."""
OURS = re.compile(r"cf_before_schema_\d{8}_\d{6}\.zip")
SECONDS = 3600.0
"""How long a backup may take."""


def name_of(moment: datetime) -> str:
    """The name of a backup made then (UTC); names sort by age."""
    return f"cf_before_schema_{moment:%Y%m%d_%H%M%S}.zip"


async def make(http: httpx.AsyncClient, name: str) -> None:
    """The backup is complete. `http` carries a superuser's token. Raises `Refusal` `BACKUP_FAILED`."""
    try:
        answer = await transport.send(
            http, "POST", PATH, upstream="POCKETBASE", safe=False, json={"name": name}, seconds=SECONDS
        )
    except errors.Transient as error:
        raise _failed(error.why) from error
    if not answer.is_success:
        raise _failed(f"HTTP {answer.status_code}: {answer.text[:500]}")


async def tidy(http: httpx.AsyncClient) -> list[str]:
    """Of our backups the last `KEPT` are there; the names of those that were removed.

    Raises `UpstreamRefusal` `BACKUP_NOT_REMOVED`, or like `transport.send`.
    """
    answer = await transport.send(http, "GET", PATH, upstream="POCKETBASE", safe=True)
    _removed(answer, PATH)
    ours = sorted(one["key"] for one in answer.json() if OURS.fullmatch(one["key"]))
    for key in ours[:-KEPT]:
        path = f"{PATH}/{quote(key, safe='')}"
        _removed(await transport.send(http, "DELETE", path, upstream="POCKETBASE", safe=True), path)
    return ours[:-KEPT]


def _removed(answer: httpx.Response, path: str) -> None:
    if not answer.is_success:
        raise errors.UpstreamRefusal(
            "BACKUP_NOT_REMOVED",
            "an older backup of ours could not be removed",
            status=answer.status_code,
            why=f"HTTP {answer.status_code} for {path}",
            fix="remove it in PocketBase under Settings > Backups",
        )


def _failed(why: str) -> errors.Refusal:
    return errors.Refusal(
        "BACKUP_FAILED",
        "PocketBase made no backup, so its data model was not changed",
        why=f"{why} (a full disk, no S3, or another backup under way; see PocketBase's log)",
        fix="mend that and run it again; or back pb_data up by other means, and run it with --no-backup",
    )
