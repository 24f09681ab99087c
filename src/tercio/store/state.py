"""The state of one site: one writer, one transaction a turn, everything of it or nothing."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DBAPIError, OperationalError

from tercio.model.canon import canonical
from tercio.model.commands import Effect
from tercio.model.incidents import Incident, Status
from tercio.model.journal import Erasure
from tercio.model.records import CommandRow, Record, Transaction
from tercio.store import beside, log
from tercio.store.beside import Beside
from tercio.store.database import migrate, writer
from tercio.store.errors import StateError, StateFull, StateLocked, StateUnusable, StateUnwritable
from tercio.store.journal import ERASURE
from tercio.store.keys import KeyUnusable, signing_key
from tercio.store.lock import WriterLock
from tercio.store.note import Checkpoint, origin_name
from tercio.store.reader import Reader
from tercio.store.reserve import Reserve
from tercio.store.rows import LIVE_STATES, decode
from tercio.store.tables import COMMANDS, EFFECTS, INCIDENTS, JOURNAL, OFFSETS, SNAPSHOT
from tercio.store.writes import Writes

__all__ = [
    "Checkpoint",
    "Reader",
    "Restored",
    "State",
    "StateError",
    "StateFull",
    "StateLocked",
    "StateUnusable",
    "StateUnwritable",
]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a loop needs to go on where the last one ended: offsets and snapshot of the last commit (an empty snapshot
    where there was none), incidents not closed, commands still only ordered, effects that stand or may stand.
    """

    offsets: dict[str, tuple[str, int]]
    snapshot: bytes
    incidents: tuple[Incident, ...]
    commands: tuple[CommandRow, ...]
    effects: tuple[Effect, ...]


class State:
    """The writer's side of a state. Use ``State.open``; for one thread at a time."""

    def __init__(self, connection: Connection, key: Ed25519PrivateKey, reserve: Reserve, closing: ExitStack) -> None:
        self._connection = connection
        self._reserve = reserve
        self._key = key
        self._closing = closing
        self._writes = Writes(connection.dialect.name)
        self._end: tuple[log.Head, Beside] | None = None
        self._remains = False

    @classmethod
    def open(cls, folder: Path, *, origin: str) -> Self:
        """Open the state in ``folder``, made where there is none (mode 0700), and bring it to this version.

        ``origin`` names the journal when it is first made; an old journal keeps the name that it has. Raises
        StateLocked, StateUnwritable, StateUnusable, and ValueError for a name that can't be one.
        """
        name = origin_name(origin)
        with ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                stack.callback(WriterLock(folder / "state.lock").release)
                key = _key(folder)
                (folder / "state.db").touch(0o600)
                reserve = Reserve(folder)
                reserve.ease()
                engine = writer(folder / "state.db")
                stack.callback(engine.dispose)
                connection = stack.enter_context(engine.connect())
                with connection.begin():
                    migrate(connection, folder)
                    log.begin(connection, folder, name, key)
            except KeyUnusable as error:
                raise StateUnusable(str(error)) from error
            except OSError as error:
                raise StateUnwritable(f"{folder}: {error.strerror}. Make it writable for this user.") from error
            except OperationalError as error:
                raise StateUnwritable(
                    f"{folder}/state.db: {error.orig}. Free space on its disk, or make it writable for this user."
                ) from error
            except DBAPIError as error:
                raise StateUnusable(
                    f"{folder}/state.db: {error.orig}. Keep it as evidence, restore a backup."
                ) from error
            return cls(connection, key, reserve, stack.pop_all())

    @staticmethod
    def read(folder: Path) -> Reader:
        """Open the state in ``folder`` for reading: no lock, no migration. Raises StateUnusable."""
        return Reader(folder)

    def commit(self, tx: Transaction, *, spare: bool = False) -> Checkpoint:
        """Write all of ``tx`` and sync it: one sync, then it outlives a loss of power.

        An empty snapshot leaves the last one. Returns the journal's checkpoint after it, which is the last one
        where ``tx`` journals nothing. Where the disk is full, ``spare`` may use up the reserve. Raises StateUnwritable
        (StateFull where the disk is full), and then nothing of ``tx`` was written.
        """
        while True:
            try:
                return self._commit(tx)
            except StateFull:
                if not (spare and self._reserve.release()):
                    raise

    def _commit(self, tx: Transaction) -> Checkpoint:
        return self._write(lambda connection, now: now.after(tx, self._writes.write(connection, tx)), tx.records)

    def erase(self, seq: int, *, who: str, why: str, time: int) -> Checkpoint:
        """Erase the body of record ``seq`` from the disk, and journal who did it and why. The journal stays provable.

        While somebody reads the state, the old bytes may stay in the write-ahead file: the next ``settle`` or
        ``close`` without a reader takes them. Raises LookupError where there is no such body, ValueError for an
        erasure's own record, StateUnwritable.
        """
        with self._connection.begin():
            row = select(JOURNAL.c.kind, JOURNAL.c.body).where(JOURNAL.c.seq == seq)
            found = self._connection.execute(row).one_or_none()
        if found is None or found.body is None:
            raise LookupError(f"the journal has no body at {seq}: it ends before, or the body was erased already")
        if found.kind == ERASURE:
            raise ValueError(f"record {seq} says what was erased; it stays")
        wipe = update(JOURNAL).where(JOURNAL.c.seq == seq).values(salt=None, body=None)
        record = Record(ERASURE, str(seq), time, canonical(Erasure(seq, who, why)))

        def wiped(connection: Connection, now: Beside) -> Beside:
            connection.execute(wipe)
            return now

        checkpoint = self._write(wiped, [record])
        self._remains = True
        self.settle()
        return checkpoint

    @property
    def reserved(self) -> int:
        """Bytes set aside for when the disk is full."""
        return self._reserve.held

    def refill(self) -> bool:
        """Set aside the reserve, as far as it is missing and there is room. False while the disk is full."""
        return self._reserve.refill()

    def settle(self) -> None:
        """Move what was written ahead into the database. For idle moments: SQLite else does so inside some commit.
        Raises StateUnwritable.
        """
        if self._remains:
            self._remains = bool(self._pragma("wal_checkpoint(TRUNCATE)"))
        else:
            self._pragma("wal_checkpoint(PASSIVE)")

    def restore(self) -> Restored:
        """What the last commit left. Raises StateUnusable where a row is damaged."""
        incidents, commands, effects = INCIDENTS.c, COMMANDS.c, EFFECTS.c
        unclosed = select(incidents.body).where(incidents.status != Status.CLOSED.value).order_by(incidents.id)
        ordered = select(commands.body).where(commands.state == "ordered").order_by(commands.id)
        standing = select(effects.body).where(effects.state.in_(LIVE_STATES)).order_by(effects.lease)
        with self._connection.begin():
            run = self._connection.execute
            return Restored(
                offsets={row.source: (row.generation, row.offset) for row in run(select(OFFSETS))},
                snapshot=run(select(SNAPSHOT.c.body)).scalar_one_or_none() or b"",
                incidents=tuple(decode(body, Incident) for body in run(unclosed).scalars()),
                commands=tuple(decode(body, CommandRow) for body in run(ordered).scalars()),
                effects=tuple(decode(body, Effect) for body in run(standing).scalars()),
            )

    def close(self) -> None:
        """Close the file and give the lock back."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _write(self, project: Callable[[Connection, Beside], Beside], records: Sequence[Record]) -> Checkpoint:
        """``project`` writes what lies beside the journal, of which it is given the parts that are signed."""
        # What was known of the journal's end is forgotten until the commit is known to have happened.
        known, self._end = self._end, None
        connection = self._connection
        try:
            with connection.begin():
                head, now = known or (log.load(connection), beside.load(connection))
                now = project(connection, now)
                head = log.append(connection, head, records, now.digest, self._key)
        except DBAPIError as error:
            raise _unwritable(error) from error
        self._end = head, now
        return head.checkpoint

    def _pragma(self, pragma: str) -> int:
        """Run a pragma outside of any transaction; the first number it answers, 0 if none."""
        try:
            cursor = self._connection.connection.cursor()
            row = cursor.execute(f"PRAGMA {pragma}").fetchone()
            cursor.close()
        except sqlite3.Error as error:
            raise _unwritable(error) from error
        return int(row[0]) if row else 0


def _key(folder: Path) -> Ed25519PrivateKey:
    """The journal's key. An old journal without its key gets no new one: nobody could tell that from a forgery."""
    path = folder / "journal.key"
    if (folder / "state.db").exists() and not path.exists():
        raise StateUnusable(
            f"{path} is missing, and the journal beside it was signed with it. Restore it from a backup."
        )
    return signing_key(path)


def _unwritable(error: Exception) -> StateUnwritable:
    cause = error.orig if isinstance(error, DBAPIError) else error
    full = getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    return (StateFull if full else StateUnwritable)(
        f"the state can't be written, nothing of the turn was: {cause}. "
        "Free space on its disk, or look at the disk; nothing is ordered until a turn can be journaled."
    )
