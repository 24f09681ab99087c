"""The journal in its tables: where it ends, and what a commit appends."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select, update

from tercio.model.records import Record
from tercio.store.errors import StateUnusable
from tercio.store.journal import seal
from tercio.store.keys import public_bytes
from tercio.store.merkle import Range
from tercio.store.note import Checkpoint, parse, read, sign
from tercio.store.tables import CHECKPOINTS, JOURNAL, LOG

PEAK = 32
"""Bytes of one peak of the compact range."""

_INSERT_LEAVES = insert(JOURNAL)
_INSERT_CHECKPOINT = insert(CHECKPOINTS)
_LAST = select(CHECKPOINTS).order_by(CHECKPOINTS.c.number.desc()).limit(1)


class Head(msgspec.Struct, frozen=True):
    """The end of the journal: its compact range, its last checkpoint, and that one's number."""

    range: Range
    number: int
    checkpoint: Checkpoint


def begin(connection: Connection, folder: Path, origin: str, key: Ed25519PrivateKey) -> None:
    """Start a journal where there is none, with a checkpoint of size 0. Raises StateUnusable where there is one that
    doesn't end in what ``key`` signed: what is appended to it would vouch for what was changed.
    """
    if connection.execute(select(LOG.c.id)).first() is None:
        connection.execute(insert(LOG).values(id=1, origin=origin, size=0, peaks=b""))
        _sign(connection, Range(), 1, origin, key)
        return
    try:
        head = load(connection)
        read(head.checkpoint.note, public_bytes(key))
        whole = (head.range.size, head.range.root()) == (head.checkpoint.size, head.checkpoint.root)
        wrong = "" if whole else "it doesn't end where its last checkpoint says"
    except (ValueError, TypeError) as error:
        wrong = f"its last checkpoint: {error}"
    if wrong:
        raise StateUnusable(
            f"{folder}: the journal can't be continued: {wrong}. "
            "Run tercio audit verify to see what happened; keep the folder as evidence and restore a backup."
        )


def load(connection: Connection) -> Head:
    """The end of the journal as its tables have it. Raises ValueError where they can't be read."""
    row = connection.execute(select(LOG)).one()
    last = connection.execute(_LAST).one_or_none()
    if last is None:
        raise ValueError("there is none")
    return Head(unpack(row.size, row.peaks), last.number, parse(last.note))


def append(connection: Connection, head: Head, records: Sequence[Record], key: Ed25519PrivateKey) -> Head:
    """Append records and a signed checkpoint inside the open transaction; the new end. Nothing for no records."""
    if not records:
        return head
    leaves = seal(records, head.range.size, os.urandom)
    connection.execute(_INSERT_LEAVES, [msgspec.structs.asdict(leaf) for leaf in leaves])
    longer = head.range.add(leaf.leaf for leaf in leaves)
    connection.execute(update(LOG).values(size=longer.size, peaks=b"".join(longer.peaks)))
    return _sign(connection, longer, head.number + 1, head.checkpoint.origin, key)


def unpack(size: int, peaks: bytes) -> Range:
    """A compact range from its columns. Raises ValueError where the two don't fit."""
    if len(peaks) != PEAK * size.bit_count():
        raise ValueError(f"{len(peaks)} bytes of peaks don't fit {size} records")
    return Range(size, tuple(peaks[at : at + PEAK] for at in range(0, len(peaks), PEAK)))


def _sign(connection: Connection, whole: Range, number: int, origin: str, key: Ed25519PrivateKey) -> Head:
    checkpoint = sign(origin, whole.size, whole.root(), key)
    connection.execute(_INSERT_CHECKPOINT, [{"number": number, "size": whole.size, "note": checkpoint.note}])
    return Head(whole, number, checkpoint)
