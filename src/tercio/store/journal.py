"""Leaves of the journal. A leaf holds a record in two steps, so that a body can be erased and the leaf still proved:

``digest = SHA-256(salt || body)`` and ``leaf = leaf_hash(canonical([FORM, seq, kind, subject, time, digest in hex]))``.

The salt keeps a short body from being guessed from its digest once it is erased.
"""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from tercio.model.canon import canonical
from tercio.model.records import Record
from tercio.store.merkle import leaf_hash

FORM = "tercio journal 1"
"""Names this way of making leaves; a later one gets another name."""

SALT = 16
"""Bytes of chance in front of each body."""

ERASURE = "erasure"
"""The kind of record that says which body was erased, by whom and why. Its own body stays."""


class Leaf(msgspec.Struct, frozen=True):
    """One row of the journal, with the names of its columns."""

    seq: int
    kind: str
    subject: str
    time: int
    salt: bytes | None
    body: bytes | None
    digest: bytes
    leaf: bytes


def digest_of(salt: bytes, body: bytes) -> bytes:
    """What a leaf holds of a body."""
    return hashlib.sha256(salt + body).digest()


def leaf_of(seq: int, kind: str, subject: str, time: int, digest: bytes) -> bytes:
    """The leaf hash of one record."""
    return leaf_hash(canonical([FORM, seq, kind, subject, time, digest.hex()]))


def seal(records: Sequence[Record], size: int, chance: Callable[[int], bytes]) -> list[Leaf]:
    """The leaves of ``records`` behind a journal of ``size``. ``chance(n)`` gives n bytes that nobody can guess."""
    salts = chance(SALT * len(records))
    leaves = []
    for index, record in enumerate(records):
        seq, salt = size + index + 1, salts[index * SALT : (index + 1) * SALT]
        digest = digest_of(salt, record.body)
        leaf = leaf_of(seq, record.kind, record.subject, record.time, digest)
        leaves.append(Leaf(seq, record.kind, record.subject, record.time, salt, record.body, digest, leaf))
    return leaves
