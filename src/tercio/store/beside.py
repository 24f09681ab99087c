"""What lies beside the journal and is signed with it: offsets, the loop's snapshot, counts of lines not understood.

Each checkpoint holds a digest of the three as they were committed with it, so that nobody changes unseen what a loop
goes on with. The last lines that nobody understood (table ``unparsed``) are a sample for people and are not signed.
"""

import hashlib
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from tercio.model.canon import canonical
from tercio.model.records import Transaction
from tercio.store.tables import OFFSETS, SNAPSHOT, UNPARSED_COUNTS

PART = 16
"""Bytes of SHA-256 kept for each of the three parts: to meet them, 2^128 tries."""

PARTS = ("offsets", "snapshot", "unparsed_counts")
"""The tables that are signed, in their order in ``Beside.digest``."""

_OFFSETS, _SNAPSHOT, _COUNTS = select(OFFSETS), select(SNAPSHOT), select(UNPARSED_COUNTS)


class Beside(msgspec.Struct, frozen=True):
    """The three parts: (generation, offset) and number of lines not understood by source, and of the snapshot its
    digest."""

    offsets: dict[str, tuple[str, int]] = {}
    snapshot: bytes = b""
    counts: dict[str, int] = {}

    @property
    def digest(self) -> bytes:
        """48 bytes: a digest of each part."""
        return _short(canonical(self.offsets)) + (self.snapshot or _short(b"")) + _short(canonical(self.counts))

    def after(self, tx: Transaction, counts: Mapping[str, int]) -> "Beside":
        """The parts after a transaction; ``counts`` are the totals that it changed."""
        return Beside(
            {**self.offsets, **tx.offsets} if tx.offsets else self.offsets,
            _short(tx.snapshot) if tx.snapshot else self.snapshot,
            {**self.counts, **counts} if counts else self.counts,
        )


def load(connection: Connection) -> Beside:
    """The parts as their tables hold them. Raises ValueError where the snapshot is not one."""
    offsets = {row.source: (row.generation, row.offset) for row in connection.execute(_OFFSETS)}
    counts = {row.source: row.total for row in connection.execute(_COUNTS)}
    snapshots = list(connection.execute(_SNAPSHOT))
    if not snapshots:
        return Beside(offsets, b"", counts)
    (row, *more) = snapshots
    if more or row.id != 1 or not isinstance(row.body, bytes):
        raise ValueError("the table snapshot holds something else than one snapshot")
    return Beside(offsets, _short(row.body), counts)


def differing(signed: bytes, found: bytes) -> str:
    """The first table whose part of two digests differs; empty where none does."""
    parts = ((signed[at : at + PART], found[at : at + PART]) for at in range(0, PART * len(PARTS), PART))
    return next((name for name, (one, other) in zip(PARTS, parts, strict=True) if one != other), "")


def _short(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:PART]
