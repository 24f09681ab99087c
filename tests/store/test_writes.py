from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from tercio.model.events import Unparsed
from tercio.model.incidents import Status
from tercio.model.records import Transaction
from tercio.store import tables
from tercio.store.database import migrate, writer
from tercio.store.writes import UNPARSED_BYTES, UNPARSED_KEPT, Writes
from tests.store import made


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = writer(tmp_path / "state.db")
    with engine.begin() as connection:
        migrate(connection, tmp_path)
        yield connection
    engine.dispose()


def write(connection: Connection, **parts: object) -> None:
    Writes("sqlite").write(connection, Transaction(time=1, **parts))


def count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar()


def lines(source: str, first: int, last: int) -> tuple[Unparsed, ...]:
    return tuple(Unparsed(source, "g", n, b"line %d" % n, "no JSON") for n in range(first, last))


def test_the_last_word_on_each_thing_stays(connection: Connection):
    write(connection, incidents=(made.incident(1), made.incident(1, Status.CONTAINED)), effects=(made.effect(1),))
    write(connection, incidents=(made.incident(1, Status.CLOSED, updated=7), made.incident(2)))
    write(connection, commands=(made.command(1),))
    write(connection, commands=(made.command(1, "done"),))
    found = connection.execute(select(tables.INCIDENTS).order_by(tables.INCIDENTS.c.id)).all()
    assert [(row.status, row.updated) for row in found] == [("closed", 7), ("open", 2002)]
    assert msgspec.json.decode(found[0].body)["status"] == "closed"
    assert connection.execute(select(tables.COMMANDS.c.state)).scalars().all() == ["done"]
    assert count(connection, tables.EFFECTS) == 1


def test_offsets_are_moved_source_by_source_and_an_empty_snapshot_changes_nothing(connection: Connection):
    write(connection, offsets={"eve": ("g1", 5), "auth": ("g1", 7)}, snapshot=b"one")
    write(connection, offsets={"eve": ("g2", 0)})
    assert sorted(connection.execute(select(tables.OFFSETS)).all()) == [("auth", "g1", 7), ("eve", "g2", 0)]
    assert connection.execute(select(tables.SNAPSHOT)).all() == [(1, b"one")]
    write(connection, snapshot=b"two")
    assert connection.execute(select(tables.SNAPSHOT)).all() == [(1, b"two")]


def test_an_event_is_kept_as_it_was_first_cited(connection: Connection):
    write(connection, cited=(made.cited(1), made.cited(1)))
    write(connection, cited=(made.cited(1), made.cited(2)))
    assert count(connection, tables.CITED) == 2


def test_lines_not_understood_are_all_counted_and_the_latest_kept(connection: Connection):
    write(connection, unparsed=lines("eve", 0, 3) + lines("auth", 0, 1))
    write(connection, unparsed=lines("eve", 3, UNPARSED_KEPT + 10))
    write(connection, unparsed=lines("eve", UNPARSED_KEPT + 10, UNPARSED_KEPT + 12))
    totals = {row.source: row.total for row in connection.execute(select(tables.UNPARSED_COUNTS))}
    assert totals == {"eve": UNPARSED_KEPT + 12, "auth": 1}
    kept = select(tables.UNPARSED.c.offset).where(tables.UNPARSED.c.source == "eve")
    assert sorted(connection.execute(kept).scalars()) == list(range(12, UNPARSED_KEPT + 12))


def test_a_flood_in_one_turn_keeps_the_limit(connection: Connection):
    write(connection, unparsed=lines("eve", 0, 5 * UNPARSED_KEPT + 1))
    assert count(connection, tables.UNPARSED) == UNPARSED_KEPT
    assert connection.execute(select(func.min(tables.UNPARSED.c.offset))).scalar() == 4 * UNPARSED_KEPT + 1


def test_a_hostile_line_is_cut_and_its_reason_made_text(connection: Connection):
    raw = b"\xff\0" * UNPARSED_BYTES
    write(connection, unparsed=(Unparsed("eve", "g", 0, raw, "bad \ud800 and \0 in '); DROP TABLE log; --"),))
    row = connection.execute(select(tables.UNPARSED)).one()
    assert (row.length, row.raw) == (len(raw), raw[:UNPARSED_BYTES])
    assert row.reason == "bad \\ud800 and \\x00 in '); DROP TABLE log; --"


@pytest.mark.parametrize(("name", "dialect"), [("sqlite", sqlite.dialect()), ("postgresql", postgresql.dialect())])
def test_each_database_gets_its_own_words(name: str, dialect):
    writes = Writes(name)
    assert "ON CONFLICT (id) DO NOTHING" in str(writes._cite.compile(dialect=dialect))
    for statement in writes._upserts.values():
        assert "DO UPDATE SET" in str(statement.compile(dialect=dialect))
