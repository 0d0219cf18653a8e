"""The live stream: it opens, nothing on the way holds it back, and nothing cuts it.

Renewals of the lease are the echo: the leader writes them, every few seconds. Without one there is none.
"""

from __future__ import annotations

import math

from listener.cli import lease
from listener.cli.doctor import between, report, scene
from listener.cli.exits import Exit
from listener.pocketbase import trial

ONE_ADDRESS = "let connect and subscribe reach PocketBase from one address: one proxy, one of IPv4 and IPv6"
OPEN_WAY = "let GET and POST of /api/realtime pass"


async def stream(here: scene.Scene) -> list[report.Line]:
    """A renewal of the lease comes back on a live stream, which lasts as long as it is watched."""
    if here.database is None or not here.is_known:
        return [report.skipped("not asked: PocketBase has not let us in")]
    before = await lease.read(here.database.client)
    wait = here.settings.waits().beat * 2 if before.is_led else 0.0
    found = await trial.tried(here.database.sse, here.database.client.session, wait=wait, hold=here.watch)
    fix = between.stream_fix(found.headers or here.heads.get(here.database.door.url, {}))
    broken = _opened(found, fix) or _lasting(found, fix)
    if broken is not None:
        return [broken]
    if math.isinf(found.pulse):
        return [await _silent(here.database, before, fix)]
    held = f"; held for {here.watch:.0f} s" if here.watch else ""
    lines = [report.good(f"a renewal came back after {found.pulse:.1f} s{held}")]
    if packed := found.headers.get("content-encoding"):
        text = f"something between packs the stream ({packed}), and may hold events back until there is more"
        lines.append(report.warning(text, fix))
    return lines


def _opened(found: trial.Trial, fix: str) -> report.Line | None:
    """What keeps it from opening."""
    if found.status not in (0, 200):
        return report.failure(f"it is refused (HTTP {found.status})", OPEN_WAY, Exit.UNAVAILABLE)
    if found.why and math.isinf(found.hello):
        text = f"it does not open ({found.why} after {found.ended:.1f} s)"
        return report.failure(text, f"{OPEN_WAY}; {fix}", Exit.UNAVAILABLE)
    if math.isinf(found.hello):
        text = f"held back: PocketBase's first message did not come within {trial.OPEN_SECONDS:.0f} s"
        return report.failure(text, f"switch off buffering of /api/realtime: {fix}")
    if found.subscribed == 400:
        return report.failure("PocketBase does not know the stream when it is subscribed (400)", ONE_ADDRESS)
    if found.subscribed not in (0, 204):
        return report.failure(f"subscribing is refused (HTTP {found.subscribed})", OPEN_WAY)
    return None


def _lasting(found: trial.Trial, fix: str) -> report.Line | None:
    """It was cut by something that is not PocketBase."""
    if found.ended >= trial.OWN_END:
        return None
    return report.failure(f"cut after {found.ended:.1f} s ({found.why or 'a clean end'})", fix)


async def _silent(database: scene.Database, before: lease.Lease, fix: str) -> report.Line:
    """No echo came: nobody renews, or it was held back."""
    if not before.is_led:
        return report.unsure("it opens; nobody renews the lease, so there is no echo", "`cloudfreedom run`")
    after = await lease.read(database.client)
    if after.fence == before.fence:
        return report.unsure("it opens; the lease was not renewed meanwhile, so there was no echo")
    text = "held back: the lease was renewed, and no event came"
    return report.failure(text, f"switch off buffering of /api/realtime: {fix}")
