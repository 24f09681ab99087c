from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tercio.model.events import Unparsed
from tercio.model.records import Transaction
from tercio.store import beside
from tercio.store.beside import PART, PARTS, Beside, differing
from tercio.store.database import migrate, writer
from tercio.store.state import State
from tercio.store.writes import Writes

LINE = Unparsed("eve", "g1", 9, b"{\n", "cut off")
STEPS = (
    Transaction(time=1, offsets={"eve": ("g1", 5), "auth": ("g7", 0)}, snapshot=b"{}"),
    Transaction(time=2, offsets={"eve": ("g2", 1)}),
    Transaction(time=3, snapshot=b'{"a":1}', unparsed=(LINE, LINE)),
    Transaction(time=4, unparsed=(LINE,)),
    Transaction(time=5),
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = writer(tmp_path / "state.db")
    with engine.begin() as connection:
        migrate(connection, tmp_path)
        yield connection
    engine.dispose()


def test_what_is_kept_in_mind_is_what_the_tables_say(connection: Connection):
    known, writes = beside.load(connection), Writes("sqlite")
    assert known == Beside()
    for tx in STEPS:
        known = known.after(tx, writes.write(connection, tx))
        assert beside.load(connection) == known
        assert len(known.digest) == PART * len(PARTS)
    assert known.counts == {"eve": 3}
    assert known.offsets == {"eve": ("g2", 1), "auth": ("g7", 0)}


def test_each_part_has_its_own_place_in_the_digest():
    whole = Beside({"eve": ("g1", 5)}, b"s" * PART, {"eve": 1}).digest
    assert differing(whole, whole) == ""
    assert differing(whole, Beside({"eve": ("g1", 6)}, b"s" * PART, {"eve": 1}).digest) == "offsets"
    assert differing(whole, Beside({"eve": ("g1", 5)}, b"t" * PART, {"eve": 1}).digest) == "snapshot"
    assert differing(whole, Beside({"eve": ("g1", 5)}, b"s" * PART, {"eve": 2}).digest) == "unparsed_counts"


@pytest.mark.parametrize("statement", [
    "INSERT INTO snapshot VALUES (2, x'00')", "INSERT INTO snapshot VALUES (1, 'text')",
    "INSERT INTO snapshot VALUES (1, x'00'), (2, x'00')",
])  # fmt: skip
def test_a_snapshot_that_is_none_is_said(connection: Connection, statement: str):
    connection.execute(text(statement))
    with pytest.raises(ValueError, match="something else than one snapshot"):
        beside.load(connection)


def test_every_commit_signs_what_lies_beside_also_without_a_record(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        signed = [state.commit(tx) for tx in STEPS]
    with State.open(tmp_path, origin="x") as state:
        assert state.commit(Transaction(time=9)) == signed[-1]
    assert {checkpoint.size for checkpoint in signed} == {0}
    assert len({checkpoint.beside for checkpoint in signed}) == len(STEPS) - 1
