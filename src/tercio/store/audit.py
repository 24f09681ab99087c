"""Is the journal what was written? Everything is computed again from the file alone, without its writer.

What a verdict is worth: whoever holds the machine holds the key on it, too. Only a public key and an anchor (size and
root of a checkpoint) that were kept elsewhere tell a history from one that was written anew as a whole.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from tercio.store import beside
from tercio.store.checks import AnyRow, Journaled, Wrong, check_cited, check_leaf
from tercio.store.database import evidence, meant_schema, reader, require_version, schema
from tercio.store.errors import StateUnusable
from tercio.store.keys import KeyUnusable, read_public
from tercio.store.log import unpack
from tercio.store.merkle import Range, consistency_proof
from tercio.store.note import Checkpoint, read
from tercio.store.tables import CHECKPOINTS, CITED, JOURNAL, LOG


class Anchor(msgspec.Struct, frozen=True):
    """Size and root of the journal as somebody outside knows them."""

    size: int
    root: bytes


class Verdict(msgspec.Struct, frozen=True):
    """What an audit found. ``wrong`` is empty where all is well, else the first thing wrong, in words, with the
    ``seq`` and ``kind`` of the record (0 and empty where it is none's). ``size``, ``root`` (hex) and ``checkpoints``
    are what was verified up to there; ``erased`` counts the bodies found erased, ``absent`` the lines that findings
    rest on and that were not at hand when they were journaled, ``unknown`` the records of kinds that this version does
    not read.

    Where all is well, ``checkpoint`` is the last signed note, to be kept elsewhere; where an earlier one was given,
    ``consistency`` are the nodes (hex; RFC 9162, 2.1.4) that show whoever has both that one continues the other.
    """

    ok: bool
    size: int
    root: str
    checkpoints: int
    erased: int
    wrong: str = ""
    seq: int = 0
    kind: str = ""
    absent: int = 0
    unknown: int = 0
    checkpoint: str = ""
    consistency: tuple[str, ...] = ()


def verify(folder: Path, public_key: bytes | None = None, anchor: Anchor | None = None) -> Verdict:
    """Recompute the whole journal in ``folder``: leaves, gaps, each signed checkpoint, erasures; that incidents,
    commands, effects and cited lines are what was journaled, none more and none missing; and that offsets, snapshot and
    counts are what the last checkpoint signs. Reads only; a loop may be writing.

    ``public_key`` (32 raw bytes) is by default the one beside the journal. ``anchor`` finds a tail that was cut off
    together with its checkpoints, and a journal that was put back or written anew. Raises StateUnusable where there is
    no state of this version to verify, or no key, and ValueError for a key of another length.
    """
    path = folder / "state.db"
    if not path.exists():
        raise StateUnusable(f"{folder}: there is no state here. Name the folder that holds state.db.")
    try:
        public = read_public(folder / "journal.pub") if public_key is None else public_key
    except KeyUnusable as error:
        raise StateUnusable(str(error)) from error
    if len(public) != 32:
        raise ValueError(f"a public key has 32 bytes, not {len(public)}")
    engine = reader(path, evidence(path))
    try:
        with engine.begin() as connection:
            require_version(connection, folder)
            return _Audit(connection, public, anchor).verdict()
    except OperationalError as error:
        raise StateUnusable(f"{path}: {error.orig}. Copy the whole folder to where this user may write.") from error
    except DBAPIError as error:
        return Verdict(
            ok=False, size=0, root="", checkpoints=0, erased=0, wrong=f"state.db can't be read: {error.orig}"
        )
    finally:
        engine.dispose()


class _Audit:
    """One walk over the journal with its checkpoints beside it."""

    def __init__(self, connection: Connection, public: bytes, anchor: Anchor | None) -> None:
        self._connection = connection
        self._public = public
        self._anchor = anchor
        self._range = Range()
        self._checkpoints = 0
        self._signed = 0
        self._origin = ""
        self._last: Checkpoint | None = None
        self._journaled = Journaled({})

    def verdict(self) -> Verdict:
        """All checks in order, up to the first that fails."""
        try:
            self._run()
            wrong = None
        except Wrong as error:
            wrong = error
        except DBAPIError as error:
            wrong = Wrong(
                f"state.db can't be read behind record {self._range.size}: {error.orig}", self._range.size + 1
            )
        found = Verdict(
            ok=wrong is None,
            size=self._range.size,
            root=self._range.root().hex(),
            checkpoints=self._checkpoints,
            erased=len(self._journaled.erased),
            absent=self._journaled.absent,
            unknown=self._journaled.unknown,
        )
        if wrong is not None:
            return msgspec.structs.replace(found, wrong=wrong.words, seq=wrong.seq, kind=wrong.kind)
        note = self._last.note if self._last is not None else ""
        return msgspec.structs.replace(found, checkpoint=note, consistency=self._consistency())

    def _run(self) -> None:
        self._check_schema()
        self._journaled = Journaled({row.id: check_cited(row) for row in self._rows(CITED.name, "id")})
        self._walk()
        self._check_end()
        self._check_beside()
        self._journaled.check_erasures()
        self._journaled.check_projections(self._connection)
        self._journaled.check_cited()
        self._check_file()

    def _consistency(self) -> tuple[str, ...]:
        """What shows that the journal continues the one that the anchor knows: nothing where there is no anchor."""
        if self._anchor is None:
            return ()
        leaves = self._connection.execute(select(JOURNAL.c.leaf).order_by(JOURNAL.c.seq)).scalars().all()
        return tuple(node.hex() for node in consistency_proof(leaves, self._anchor.size))

    def _walk(self) -> None:
        """The journal from its first record, stopping at each size that a checkpoint or the anchor speaks of."""
        notes = self._rows(CHECKPOINTS.name, "number")
        note = self._next_note(notes)
        if note is None or note.size != 0:
            raise Wrong("the first checkpoint, of an empty journal, is missing", 1)
        note = self._meet(note, notes)
        for row in self._rows(JOURNAL.name, "seq"):
            leaf = check_leaf(row, self._range.size + 1)
            self._range = self._range.add([leaf])
            self._journaled.add(row)
            note = self._meet(note, notes)
        size = self._range.size
        if note is not None:
            raise Wrong(
                f"checkpoint {note.number} signs {note.size} records, the journal ends at {size}: its tail is gone",
                size + 1,
            )
        if self._anchor is not None and self._anchor.size > size:
            raise Wrong(
                f"the checkpoint kept elsewhere knows {self._anchor.size} records, the journal ends at {size}: "
                "its tail is gone, or an older one was put back",
                size + 1,
            )
        if self._signed < size:
            kind = self._connection.scalar(select(JOURNAL.c.kind).where(JOURNAL.c.seq == self._signed + 1))
            raise Wrong(
                f"no checkpoint signs the records from {self._signed + 1} ({kind}) on", self._signed + 1, kind or ""
            )

    def _meet(self, note: AnyRow | None, notes: Iterator[AnyRow]) -> AnyRow | None:
        """Check what speaks of the size reached; the next checkpoint to meet."""
        size, root = self._range.size, self._range.root
        if self._anchor is not None and self._anchor.size == size and self._anchor.root != root():
            raise Wrong(
                f"the first {size} records are not those that the checkpoint kept elsewhere knows", size, "anchor"
            )
        if note is None or note.size != size:
            return note
        try:
            checkpoint = read(note.note, self._public)
        except (TypeError, ValueError) as error:
            raise Wrong(f"checkpoint {note.number}, of {size} records: {error}", size, "checkpoint") from error
        self._origin = self._origin or checkpoint.origin
        if (checkpoint.origin, checkpoint.size) != (self._origin, size):
            raise Wrong(
                f"checkpoint {note.number}, of {size} records, is one of another journal or size", size, "checkpoint"
            )
        if checkpoint.root != root():
            raise Wrong(
                f"the first {size} records are not those that checkpoint {note.number} signs", size, "checkpoint"
            )
        self._checkpoints, self._signed, self._last = note.number, size, checkpoint
        return self._next_note(notes)

    def _next_note(self, notes: Iterator[AnyRow]) -> AnyRow | None:
        note = next(notes, None)
        if note is None:
            return None
        if note.number != self._checkpoints + 1:
            raise Wrong(f"checkpoint {self._checkpoints + 1} is missing", self._signed, "checkpoint")
        if not isinstance(note.size, int) or (note.size <= self._signed and note.number > 1):
            raise Wrong(f"checkpoint {note.number} signs no more than the one before it", self._signed, "checkpoint")
        return note

    def _check_end(self) -> None:
        """The row that the next commit would build on says the same as the journal."""
        found = list(self._rows(LOG.name, "id"))
        try:
            whole = len(found) == 1 and unpack(found[0].size, found[0].peaks) == self._range
        except (AttributeError, TypeError, ValueError):
            whole = False
        if not whole or found[0].origin != self._origin:
            raise Wrong("what is kept to append to the journal (table log) is not the end of this journal")

    def _check_beside(self) -> None:
        """What a loop would go on with is what was committed with the last checkpoint."""
        try:
            found = beside.load(self._connection).digest
        except (TypeError, ValueError) as error:
            raise Wrong(f"what lies beside the journal can't be read: {error}") from error
        changed = beside.differing(self._last.beside, found) if self._last is not None else ""
        if changed:
            raise Wrong(f"the table {changed} is not what the last checkpoint signs")

    def _check_schema(self) -> None:
        """Nothing but the tables of this version: a view would hide what is there, a trigger would change it later."""
        if self._connection.dialect.name == "sqlite":
            found, meant = schema(self._connection), meant_schema()
            for name in sorted(found | meant):
                if found.get(name) != meant.get(name):
                    raise Wrong(f"state.db is laid out otherwise than Tercio does it: see {name!r}")

    def _check_file(self) -> None:
        """SQLite's own check: an index that was changed would hide rows from readers."""
        if self._connection.dialect.name == "sqlite":
            found = self._connection.execute(text("PRAGMA integrity_check(1)")).scalars().all()
            if found != ["ok"]:
                raise Wrong(f"state.db is damaged: {found[0] if found else 'its check says nothing'}")

    def _rows(self, table: str, key: str) -> Iterator[AnyRow]:
        """Every row as the file has it, whatever its columns hold. Names of tables and columns are ours."""
        return iter(self._connection.execute(text(f"SELECT * FROM {table} ORDER BY {key}")).yield_per(1))  # noqa: S608
