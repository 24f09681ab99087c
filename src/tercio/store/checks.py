"""The checks of an audit, one a kind of row. A row of a file that somebody may have changed can hold anything."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, text
from sqlalchemy.engine import Row

from tercio.model.commands import Effect
from tercio.model.ids import event_id
from tercio.model.incidents import Incident
from tercio.model.journal import KINDS, Erasure, whole_of
from tercio.model.records import CommandRow
from tercio.store import rows, tables
from tercio.store.journal import ERASURE, digest_of, leaf_of

AnyRow = Row[*tuple[Any, ...]]


class Wrong(Exception):
    """The first thing wrong: in words, with the record's ``seq`` and ``kind`` where it is a record's."""

    def __init__(self, words: str, seq: int = 0, kind: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.seq = seq
        self.kind = kind


class Place(msgspec.Struct):
    """What of an event names its line. A later version may add to events what an old one lacks."""

    id: str
    source: str
    generation: str
    offset: int


class Cites(msgspec.Struct):
    """What of a finding's record names the lines that it rests on."""

    finding: "Named"
    lines: str
    absent: tuple[str, ...] = ()


class Named(msgspec.Struct):
    """What of a finding names its events."""

    events: tuple[str, ...]


class Projection(NamedTuple):
    """A table that holds the latest body of one kind of record by subject: its key, its type, how a row is made."""

    table: Table
    key: str
    type: type[Any]
    row: Callable[[Any], rows.Row]


KNOWN = {*KINDS, "decision"}
"""Kinds of records that this version reads."""

PROJECTIONS = {
    "incident": Projection(tables.INCIDENTS, "id", Incident, rows.incident_row),
    "command": Projection(tables.COMMANDS, "id", CommandRow, rows.command_row),
    "effect": Projection(tables.EFFECTS, "lease", Effect, rows.effect_row),
}


class Journaled:
    """What the journal says as a whole: the latest body of each projected thing, what was erased, and which lines kept
    beside it its findings rest on. ``cited`` holds the digest of each kept event by its id."""

    def __init__(self, cited: Mapping[str, bytes]) -> None:
        self.erased: dict[int, str] = {}
        self.unknown = 0
        self.absent = 0
        self._cited = cited
        self._named: set[str] = set()
        self._latest: dict[tuple[str, str], tuple[int, bytes | None]] = {}
        self._bodies = 0
        self._erasures: list[tuple[int, int]] = []

    def add(self, row: AnyRow) -> None:
        """Note one checked row. Raises Wrong."""
        if row.body is None:
            self.erased[row.seq] = row.kind
        self.unknown += row.kind not in KNOWN
        if row.kind == "finding" and row.body is not None:
            self._check_lines(row)
        if row.kind in PROJECTIONS:
            body = None if row.body is None else hashlib.sha256(row.body).digest()
            self._latest[row.kind, row.subject] = (row.seq, body)
        if row.kind == ERASURE:
            try:
                self._erasures.append((msgspec.json.decode(row.body, type=Erasure).seq, row.seq))
            except (msgspec.DecodeError, TypeError) as error:
                raise Wrong(f"record {row.seq} ({ERASURE}) doesn't say what was erased", row.seq, ERASURE) from error

    def check_gone(self) -> None:
        """Every body that is gone was erased by a later record. Raises Wrong."""
        said = {seq for seq, by in self._erasures if seq < by}
        for seq, kind in self.erased.items():
            if seq not in said:
                raise Wrong(
                    f"the body of record {seq} ({kind}) is gone, and no record says that it was erased", seq, kind
                )

    def check_erasures(self) -> None:
        """Every body that is gone was erased by a later record, and what was erased is gone. Raises Wrong."""
        self.check_gone()
        for seq, by in self._erasures:
            if seq not in self.erased:
                raise Wrong(f"record {by} says that the body of record {seq} was erased, yet it is there", seq, ERASURE)

    def check_cited(self) -> None:
        """No line is kept that no finding rests on. Where a record can't say on which it does (its body was erased, or
        its kind is none of this version), nobody knows. Raises Wrong.
        """
        stray = min(self._cited.keys() - self._named, default="")
        if stray and not self.unknown and "finding" not in self.erased.values():
            raise Wrong(f"cited event {stray} is in the state, but no finding in the journal rests on it")

    def _check_lines(self, row: AnyRow) -> None:
        """Every line that a finding rests on is kept as it was, unless its record says that it was not at hand."""
        try:
            told = msgspec.json.decode(row.body, type=Cites)
        except msgspec.DecodeError as error:
            raise Wrong(f"record {row.seq} ({row.kind}) can't be read: {error}", row.seq, row.kind) from error
        at_hand = [event for event in told.finding.events if event not in told.absent]
        for event in at_hand:
            if event not in self._cited:
                words = f"cited event {event}, on which record {row.seq} ({row.kind}) rests, is missing from the state"
                raise Wrong(words, row.seq, row.kind)
        if whole_of(self._cited[event] for event in at_hand) != told.lines:
            words = f"the cited events on which record {row.seq} ({row.kind}) rests are not those that were journaled"
            raise Wrong(words, row.seq, row.kind)
        self._named.update(at_hand)
        self.absent += len(told.absent)

    def check_projections(self, connection: Connection) -> None:
        """Every row is what was last journaled of it, and nothing that was journaled is missing. Raises Wrong."""
        for kind, projection in PROJECTIONS.items():
            wanted = {subject for of, subject in self._latest if of == kind}
            rows_as_they_are = text(f"SELECT * FROM {projection.table.name} ORDER BY {projection.key}")  # noqa: S608
            for row in connection.execute(rows_as_they_are).mappings().yield_per(1):
                self._check_row(kind, projection, dict(row))
                wanted.discard(row[projection.key])
            if wanted:
                name = min(wanted)
                seq = self._latest[kind, name][0]
                raise Wrong(f"{kind} {name}, journaled by record {seq}, is missing from the state", seq, kind)

    def _check_row(self, kind: str, projection: Projection, columns: dict[str, Any]) -> None:
        name = columns[projection.key]
        if (kind, name) not in self._latest:
            raise Wrong(f"{kind} {name} is in the state, but the journal has no record of it", 0, kind)
        seq, body = self._latest[kind, name]
        if not isinstance(columns["body"], bytes):
            raise Wrong(f"{kind} {name} can't be read: its body is no bytes", seq, kind)
        if body is not None and body != hashlib.sha256(columns["body"]).digest():
            raise Wrong(f"{kind} {name} in the state differs from what record {seq} journaled last", seq, kind)
        try:
            meant = projection.row(msgspec.json.decode(columns["body"], type=projection.type))
        except msgspec.DecodeError as error:
            raise Wrong(f"{kind} {name} can't be read: {error}", seq, kind) from error
        del meant["body"]  # Held by the record's digest; a shape that has grown since would write it otherwise.
        for column, wanted in meant.items():
            if columns[column] != wanted:
                raise Wrong(
                    f"{kind} {name}: {column} is {columns[column]!r} in the state, {wanted!r} in its body", seq, kind
                )


_KINDS = ", ".join(f"'{kind}'" for kind in PROJECTIONS)
_ENDS = text("SELECT min(seq) AS first, max(seq) AS last, count(*) AS rows FROM journal")
_LATEST = text(
    f"SELECT * FROM journal WHERE kind = '{ERASURE}' OR seq IN "  # noqa: S608 (names of this module's own)
    f"(SELECT max(seq) FROM journal WHERE kind IN ({_KINDS}) GROUP BY kind, subject) ORDER BY seq"
)


def check_state(connection: Connection, size: int) -> None:
    """What a loop goes on with is what was last journaled of it, none more and none missing, in a journal of ``size``
    records. Quicker than an audit: earlier records are not looked at. Raises Wrong."""
    ends = connection.execute(_ENDS).one()
    if (ends.first, ends.last, ends.rows) != ((1, size, size) if size else (None, None, 0)):
        raise Wrong(f"the journal has {ends.rows} records up to {ends.last}, and its end says {size}")
    journaled = Journaled({})
    for row in connection.execute(_LATEST).yield_per(1):
        check_leaf(row, row.seq)
        journaled.add(row)
    journaled.check_gone()
    journaled.check_projections(connection)


def check_leaf(row: AnyRow, expected: int) -> bytes:
    """Check one row of the journal against its own leaf; the leaf hash. Raises Wrong."""
    if row.seq != expected:
        raise Wrong(f"record {expected} is missing: behind {expected - 1} comes {row.seq} ({row.kind})", expected)
    kind = row.kind if isinstance(row.kind, str) else ""
    name = f"record {expected} ({kind})"
    shapes = (row.kind, str), (row.subject, str), (row.time, int), (row.digest, bytes), (row.leaf, bytes)
    if not all(isinstance(value, shape) for value, shape in shapes):
        raise Wrong(f"{name} can't be read: a column holds something else than its type", expected, kind)
    leaf = leaf_of(expected, row.kind, row.subject, row.time, row.digest)
    if leaf != row.leaf:
        raise Wrong(f"the leaf of {name} is not the hash of its kind, subject, time and digest", expected, kind)
    if row.salt is None and row.body is None:
        return leaf
    if not (isinstance(row.salt, bytes) and isinstance(row.body, bytes)):
        raise Wrong(f"{name} can't be read: it has only one of salt and body", expected, kind)
    if digest_of(row.salt, row.body) != row.digest:
        raise Wrong(f"the body or the salt of {name} was changed", expected, kind)
    return leaf


def check_cited(row: AnyRow) -> bytes:
    """A cited line is the one that its event's id names. Returns the digest of what was read out of the line, which the
    finding's record holds. Raises Wrong.
    """
    if not (isinstance(row.raw, bytes) and isinstance(row.event, bytes)):
        raise Wrong(f"cited event {row.id} can't be read: its line or what was read out of it is no bytes")
    try:
        event = msgspec.json.decode(row.event, type=Place)
        named = event_id(event.source, event.generation, event.offset, row.raw)
    except (msgspec.DecodeError, TypeError) as error:
        raise Wrong(f"cited event {row.id} can't be read: {error}") from error
    if not row.id == event.id == named:
        raise Wrong(f"cited event {row.id} was changed: its line, as it is kept, has the id {named}")
    return hashlib.sha256(row.event).digest()
