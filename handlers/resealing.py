"""Sealing with the first key what an older one sealed, so that the older one can be taken away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import anyio.lowlevel

from handlers import ledger as ledgers
from handlers import vault
from listener import errors
from listener.pocketbase.writer import Write, Writer
from listener.secrets.sealing import Sealer

CHUNK = 20
"""Rows looked at before others have a turn, and written in one batch."""

Row = vault.SecretRow | ledgers.LedgerRow


async def reseal(writer: Writer, sealer: Sealer, kept: vault.Vault, ledger: ledgers.Ledger) -> None:
    """Every kept secret and last spec is sealed with the first key.

    Raises `Transient` when a row was just being written by somebody else: what is done already stays.
    """
    rows: Iterator[Row] = iter((*kept.rows(), *ledger.all()))
    while chunk := list(islice(rows, CHUNK)):
        await anyio.lowlevel.checkpoint()
        old = [row for row in chunk if (text := _sealed(row)) and not sealer.is_current(text)]
        if any(_is_doubted(row, kept, ledger) for row in old):
            raise errors.Transient(
                "RESEAL_UNFINISHED", "a row was written just now", why="it goes on by itself"
            )
        fresh = [(row, sealer.seal(sealer.open(_sealed(row)))) for row in old]
        if fresh:
            await writer.commit([_write(row, text) for row, text in fresh])
        _remember(fresh, kept, ledger)


def _remember(fresh: Sequence[tuple[Row, str]], kept: vault.Vault, ledger: ledgers.Ledger) -> None:
    for row, text in fresh:
        if isinstance(row, vault.SecretRow):
            kept.keep(row.model_copy(update={"value": text}))
        elif (now := ledger.get(row.id)) is not None and now.last_spec == row.last_spec:
            ledger.keep(now.changed({"last_spec": text}))


def _is_doubted(row: Row, kept: vault.Vault, ledger: ledgers.Ledger) -> bool:
    if isinstance(row, vault.SecretRow):
        return kept.is_doubted(row.owner)
    return ledger.is_doubted(row.id)


def _sealed(row: Row) -> str:
    return row.value if isinstance(row, vault.SecretRow) else row.last_spec


def _write(row: Row, text: str) -> Write:
    if isinstance(row, vault.SecretRow):
        return Write("PATCH", vault.COLLECTION, row.id, {"value": text})
    return Write("PATCH", ledgers.COLLECTION, row.id, {"last_spec": text})
