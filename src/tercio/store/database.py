"""The file behind the state: connections, pragmas, versions."""

import os
import sqlite3
from functools import cache
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.pool import QueuePool, StaticPool

from tercio.store.errors import StateUnusable
from tercio.store.tables import VERSION

BUSY = 5.0
"""Seconds to wait for a lock that another connection holds for a moment."""


def writer(path: Path) -> Engine:
    """An engine that writes: WAL, every commit synced (``synchronous=FULL``), what is deleted overwritten. Transactions
    begin explicitly and at once, so that a migration is one, too.
    """
    engine = create_engine("sqlite://", creator=lambda: _connect(path, "rwc"), poolclass=StaticPool)
    event.listen(engine, "connect", _tune)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def reader(path: Path, mode: str = "ro") -> Engine:
    """An engine that only reads. Each transaction sees one state of the whole, whatever the writer does meanwhile.
    ``mode`` is SQLite's; ``evidence`` names another for files that don't change.
    """
    engine = create_engine("sqlite://", creator=lambda: _connect(path, mode), poolclass=QueuePool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def evidence(path: Path) -> str:
    """How to open a state for an audit: where nobody may write beside it and no writer left a log, as a file that
    doesn't change (SQLite else wants to create a file beside it).
    """
    beside = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
    still = not os.access(path.parent, os.W_OK) and not any(other.exists() for other in beside)
    return "ro&immutable=1" if still else "ro"


def migrate(connection: Connection, folder: Path) -> None:
    """Bring the state to this version inside the connection's open transaction. Raises StateUnusable for a state
    that a newer Tercio wrote, or that is none.
    """
    found = version(connection, folder)
    if found == VERSION:
        return
    if found > VERSION:
        raise _newer(folder, found)
    from alembic import command  # noqa: PLC0415  Alembic takes longer to load than the state to open.
    from alembic.config import Config  # noqa: PLC0415

    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    command.upgrade(settings, "head")


def require_version(connection: Connection, folder: Path) -> None:
    """Raise StateUnusable unless the state is of exactly this version: readers never migrate."""
    found = version(connection, folder)
    if found > VERSION:
        raise _newer(folder, found)
    if found < VERSION:
        raise StateUnusable(
            f"{folder}: the state is of version {found or 'none'}, this Tercio reads {VERSION}. "
            "Start tercio up once: it brings the state up to date."
        )


def version(connection: Connection, folder: Path) -> str:
    """The version of the state, empty for a file without tables. Raises StateUnusable where it is something else."""
    names = inspect(connection).get_table_names()
    if not names:
        return ""
    if "alembic_version" in names:
        rows = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        if len(rows) == 1 and isinstance(rows[0], str) and rows[0].isdecimal():
            return rows[0]
    raise StateUnusable(f"{folder}: state.db is no state of Tercio's. Move it away, or restore a backup.")


def schema(connection: Connection) -> dict[str, str]:
    """What the database holds by name, as it was written in SQL; SQLite's own left out."""
    found = connection.execute(text("SELECT name, type || ' ' || coalesce(sql, '') FROM sqlite_master")).all()
    return {name: sql for name, sql in found if not name.startswith("sqlite_")}


@cache
def meant_schema() -> dict[str, str]:
    """The schema of a state of this version: that of a fresh one, in memory."""
    engine = writer(Path(":memory:"))
    try:
        with engine.begin() as connection:
            migrate(connection, Path(":memory:"))
            return schema(connection)
    finally:
        engine.dispose()


def _newer(folder: Path, found: str) -> StateUnusable:
    return StateUnusable(
        f"{folder}: the state is of version {found}, this Tercio knows {VERSION}. "
        "Install the newer Tercio that wrote it, or restore the backup from before the upgrade."
    )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    where = f"file:{quote(str(path))}?mode={mode}"
    return sqlite3.connect(where, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)


def _tune(connection: sqlite3.Connection, _record: object) -> None:
    pragmas = "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "wal_autocheckpoint=4000"
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
