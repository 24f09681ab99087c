"""The reader's side of a state: consoles, reports, other processes. Never waits for the writer, never makes it wait."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Self

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError

from tercio.model.commands import Effect
from tercio.model.incidents import Incident, Status
from tercio.model.records import Cited
from tercio.store.database import reader, require_version
from tercio.store.errors import StateUnusable
from tercio.store.note import Checkpoint, parse
from tercio.store.rows import LIVE_STATES, cited_of, decode
from tercio.store.tables import CHECKPOINTS, CITED, EFFECTS, INCIDENTS, JOURNAL, SNAPSHOT, UNPARSED_COUNTS

CHUNK = 500
"""Ids asked for in one query; databases limit how many values one may carry."""

SHOWN = 5
"""Matches named where a prefix is ambiguous."""


class Entry(msgspec.Struct, frozen=True):
    """One record of the journal as it stands: ``seq`` from 1; ``body`` is None where it was erased."""

    seq: int
    kind: str
    subject: str
    time: int
    body: bytes | None


class Reader:
    """A state as it was last committed; each call sees one whole commit. May be shared by threads."""

    def __init__(self, folder: Path) -> None:
        """Raises StateUnusable where there is no state, or it is of another version."""
        if not (folder / "state.db").exists():
            raise StateUnusable(f"{folder}: there is no state here. Start tercio up once, or name another folder.")
        self._folder = folder
        self._engine = reader(folder / "state.db")
        try:
            with self._engine.begin() as connection:
                require_version(connection, folder)
        except DBAPIError as error:
            self.close()
            raise self._unusable(error) from error
        except StateUnusable:
            self.close()
            raise

    def incidents(self, limit: int, status: Status | None = None) -> tuple[Incident, ...]:
        """The latest incidents by their last update, newest first."""
        query = select(INCIDENTS.c.body).order_by(INCIDENTS.c.updated.desc(), INCIDENTS.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(INCIDENTS.c.status == status.value)
        return tuple(decode(row.body, Incident) for row in self._all(query))

    def incident(self, name: str) -> Incident | None:
        """The incident with this id, or whose id alone begins so (with or without ``inc-``). Raises ValueError where
        several do.
        """
        prefix = name if name.startswith("inc-") else f"inc-{name}"
        query = select(INCIDENTS).where(INCIDENTS.c.id.startswith(prefix, autoescape=True)).order_by(INCIDENTS.c.id)
        found = [row for row in self._all(query.limit(SHOWN + 1)) if row.id.startswith(prefix)]
        exact = [row for row in found if row.id == prefix]
        if len(exact or found) > 1:
            names = ", ".join(row.id for row in islice(found, SHOWN))
            raise ValueError(f"{name!r} is not one incident: {names}{' and more' if len(found) > SHOWN else ''}")
        return decode((exact or found)[0].body, Incident) if found else None

    def effects(self, standing_only: bool = False) -> tuple[Effect, ...]:
        """Effects by lease; ``standing_only`` those that stand in the world or, being ordered, may stand there."""
        query = select(EFFECTS.c.body).order_by(EFFECTS.c.lease)
        if standing_only:
            query = query.where(EFFECTS.c.state.in_(LIVE_STATES))
        return tuple(decode(row.body, Effect) for row in self._all(query))

    def records(
        self, subject: str | None = None, kind: str | None = None, after_seq: int = 0, limit: int = 1000
    ) -> tuple[Entry, ...]:
        """Records of the journal behind ``after_seq``, in their order, of one subject or kind where they are named."""
        columns = JOURNAL.c
        query = select(columns.seq, columns.kind, columns.subject, columns.time, columns.body)
        query = query.where(columns.seq > after_seq).order_by(columns.seq).limit(limit)
        if subject is not None:
            query = query.where(columns.subject == subject)
        if kind is not None:
            query = query.where(columns.kind == kind)
        return tuple(Entry(row.seq, row.kind, row.subject, row.time, row.body) for row in self._all(query))

    def cited(self, ids: Iterable[str]) -> tuple[Cited, ...]:
        """The cited events with these ids, in the order asked for, each once; those not kept are left out."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Cited] = {}
        for start in range(0, len(wanted), CHUNK):
            rows = self._all(select(CITED).where(CITED.c.id.in_(wanted[start : start + CHUNK])))
            found |= {row.id: cited_of(row.event, row.raw) for row in rows}
        return tuple(found[name] for name in wanted if name in found)

    def unparsed_counts(self) -> dict[str, int]:
        """How many lines of each source nobody understood, ever."""
        return {row.source: row.total for row in self._all(select(UNPARSED_COUNTS).order_by(UNPARSED_COUNTS.c.source))}

    def snapshot(self) -> bytes:
        """What the loop last wrote of its own memory; empty where it wrote none yet."""
        rows = self._all(select(SNAPSHOT.c.body))
        return bytes(rows[0].body) if rows else b""

    def last_time(self) -> int:
        """When the journal's last record was made (an instant); 0 where there is none."""
        rows = self._all(select(JOURNAL.c.time).order_by(JOURNAL.c.seq.desc()).limit(1))
        return int(rows[0].time) if rows else 0

    def checkpoint(self) -> Checkpoint:
        """The journal's last checkpoint, as it stands: ``audit.verify`` says whether it is true."""
        rows = self._all(select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.number.desc()).limit(1))
        try:
            return parse(rows[0].note)
        except (IndexError, TypeError, ValueError) as error:
            raise StateUnusable(
                f"{self._folder}: the journal's last checkpoint can't be read. "
                "Run tercio audit verify, and restore a backup."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _all(self, query: Select[*tuple[Any, ...]]) -> list[Row[*tuple[Any, ...]]]:
        try:
            with self._engine.begin() as connection:
                return list(connection.execute(query).all())
        except (DBAPIError, TypeError, ValueError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StateUnusable:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return StateUnusable(
            f"{self._folder}/state.db can't be read: {cause}. Check that this user may read and write the folder "
            "(a log beside the state is shared), else restore a backup."
        )
