import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tercio.store.database import meant_schema, migrate, reader, require_version, schema, version, writer
from tercio.store.errors import StateUnusable


def set_version(path: Path, number: str) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", (number,))
    raw.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    engine = writer(path)
    with engine.begin() as connection:
        migrate(connection, tmp_path)
    engine.dispose()
    return path


def test_the_writer_syncs_every_commit_to_a_write_ahead_log(state: Path):
    engine = writer(state)
    with engine.connect() as connection:
        found = {
            p: connection.scalar(text(f"PRAGMA {p}"))
            for p in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
        assert connection.scalar(text("PRAGMA busy_timeout")) == 5000
    engine.dispose()


def test_a_reader_can_t_write_and_sees_one_state_of_the_whole(state: Path):
    writes, reads = writer(state), reader(state)
    put = text("INSERT INTO snapshot VALUES (1, x'00')")
    with reads.begin() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.execute(put)
    with reads.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM snapshot")) == 0
        with writes.begin() as other:
            other.execute(put)
        assert connection.scalar(text("SELECT count(*) FROM snapshot")) == 0
    with reads.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM snapshot")) == 1
    writes.dispose()
    reads.dispose()


def test_a_folder_with_an_awkward_name_is_only_a_name(tmp_path: Path):
    folder = tmp_path / "a?mode=memory&b #c%20d"
    folder.mkdir()
    engine = writer(folder / "state.db")
    with engine.begin() as connection:
        migrate(connection, folder)
    engine.dispose()
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]
    assert (folder / "state.db").stat().st_size


@pytest.mark.parametrize(("number", "words"), [("9999", "Install the newer Tercio"), ("0000", "Start tercio up once")])
def test_readers_take_no_other_version(state: Path, number: str, words: str):
    set_version(state, number)
    engine = reader(state)
    with engine.begin() as connection, pytest.raises(StateUnusable, match=words):
        require_version(connection, state.parent)
    engine.dispose()


def test_a_newer_state_is_not_migrated(state: Path):
    set_version(state, "9999")
    engine = writer(state)
    with engine.begin() as connection, pytest.raises(StateUnusable, match="is of version 9999, this Tercio knows"):
        migrate(connection, state.parent)
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    ["DROP TABLE alembic_version", "DELETE FROM alembic_version", "UPDATE alembic_version SET version_num = 'x; --'"],
)
def test_a_database_of_something_else_is_left_alone(state: Path, change: str):
    with sqlite3.connect(state) as raw:
        raw.execute(change)
    raw.close()
    engine = writer(state)
    with engine.begin() as connection, pytest.raises(StateUnusable, match="no state of Tercio's"):
        version(connection, state.parent)
    engine.dispose()


def test_the_schema_of_a_state_is_the_meant_one(state: Path):
    engine = reader(state)
    with engine.begin() as connection:
        assert schema(connection) == meant_schema()
        assert meant_schema()["journal"].startswith("table CREATE TABLE journal")
    engine.dispose()
    assert not Path(":memory:").exists()
