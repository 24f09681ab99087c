"""The journal in its tables: where it ends, and what a commit appends."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select, update

from tercio.model.records import Record
from tercio.store import beside
from tercio.store.checks import Wrong, check_state
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
_RENEW = update(CHECKPOINTS)
_LAST = select(CHECKPOINTS).order_by(CHECKPOINTS.c.number.desc()).limit(1)


class Head(msgspec.Struct, frozen=True):
    """The end of the journal: its compact range, its last checkpoint, and that one's number."""

    range: Range
    number: int
    checkpoint: Checkpoint


def begin(connection: Connection, folder: Path, origin: str, key: Ed25519PrivateKey) -> None:
    """Start a journal where there is none, with a checkpoint of size 0. Raises StateUnusable where there is one that
    doesn't end in what ``key`` signed, or whose incidents, commands and effects are not what it last says of them: what
    is appended to it would vouch for what was changed.
    """
    if connection.execute(select(LOG.c.id)).first() is None:
        connection.execute(insert(LOG).values(id=1, origin=origin, size=0, peaks=b""))
        first = sign(origin, 0, Range().root(), beside.load(connection).digest, key)
        connection.execute(_INSERT_CHECKPOINT, [{"number": 1, "size": 0, "note": first.note}])
        return
    try:
        head = load(connection)
        read(head.checkpoint.note, public_bytes(key))
        whole = (head.range.size, head.range.root()) == (head.checkpoint.size, head.checkpoint.root)
        changed = beside.differing(head.checkpoint.beside, beside.load(connection).digest)
        wrong = "" if whole else "it doesn't end where its last checkpoint says"
        if changed and not wrong:
            wrong = f"the table {changed} beside it is not what its last checkpoint signs"
        if not wrong:
            check_state(connection, head.range.size)
    except Wrong as error:
        wrong = error.words
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


def append(
    connection: Connection, head: Head, records: Sequence[Record], around: bytes, key: Ed25519PrivateKey
) -> Head:
    """Append records and a signed checkpoint inside the open transaction; the new end. ``around`` is the digest of what
    lies beside the journal then. Without records the last checkpoint is signed anew where that changed.
    """
    last = head.checkpoint
    if not records:
        if around == last.beside:
            return head
        again = sign(last.origin, last.size, last.root, around, key)
        connection.execute(_RENEW.where(CHECKPOINTS.c.number == head.number).values(note=again.note))
        return Head(head.range, head.number, again)
    leaves = seal(records, head.range.size, os.urandom)
    connection.execute(_INSERT_LEAVES, [msgspec.structs.asdict(leaf) for leaf in leaves])
    longer = head.range.add(leaf.leaf for leaf in leaves)
    connection.execute(update(LOG).values(size=longer.size, peaks=b"".join(longer.peaks)))
    checkpoint = sign(last.origin, longer.size, longer.root(), around, key)
    row = {"number": head.number + 1, "size": longer.size, "note": checkpoint.note}
    connection.execute(_INSERT_CHECKPOINT, [row])
    return Head(longer, head.number + 1, checkpoint)


def unpack(size: int, peaks: bytes) -> Range:
    """A compact range from its columns. Raises ValueError where the two don't fit."""
    if len(peaks) != PEAK * size.bit_count():
        raise ValueError(f"{len(peaks)} bytes of peaks don't fit {size} records")
    return Range(size, tuple(peaks[at : at + PEAK] for at in range(0, len(peaks), PEAK)))
