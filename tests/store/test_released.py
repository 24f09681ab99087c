"""States that earlier versions wrote are read, proved and continued by this one.

Until the first release a state may still change its shape: then write the fixture anew, see ``fixtures/make.py``.
"""

from functools import cache
from pathlib import Path

import msgspec
import pytest

from tercio.loop.ledger import SHAPES
from tercio.loop.replay import Kept, replayed
from tercio.loop.state import Memory
from tercio.model.canon import canonical
from tercio.model.journal import Lost
from tercio.model.records import Record, Transaction
from tercio.store.audit import verify
from tercio.store.reader import Entry
from tercio.store.state import State
from tests.store.fixtures.make import HERE, PUBLIC, lived, unpacked

NAMES = sorted(path.name.removesuffix(".db.xz") for path in HERE.glob("*.db.xz"))


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpacked(request.param, tmp_path / "state")


def entries(folder: Path) -> tuple[Entry, ...]:
    with State.read(folder) as reader:
        return reader.records(limit=100_000)


@cache
def kinds_now() -> set[str]:
    written = [turn.transaction for turn in lived().turns if turn.transaction]
    return {record.kind for transaction in written for record in transaction.records}


def test_there_is_a_fixture_and_a_fixture_has_every_kind():
    assert NAMES
    assert kinds_now() | {"erasure"} == set(SHAPES), "let lived() journal what is new, too"


def test_an_earlier_state_is_proved(folder: Path):
    verdict = verify(folder, PUBLIC)
    assert (verdict.ok, verdict.wrong) == (True, "")
    assert verdict.size == len(entries(folder)) > 20
    assert verdict.erased == 1


def test_every_record_of_an_earlier_state_is_read_in_its_shape(folder: Path):
    read = [msgspec.json.decode(e.body, type=SHAPES[e.kind]) for e in entries(folder) if e.body is not None]
    assert len(read) == len(entries(folder)) - 1


def test_its_decisions_can_still_be_replayed(folder: Path):
    outcome = replayed([Kept(e.seq, e.kind, e.body) for e in entries(folder)], "this build", anyway=True)
    assert outcome.decisions > 1
    assert (outcome.refused, outcome.why) == (0, "")


def test_an_earlier_state_is_continued(folder: Path):
    with State.open(folder, origin="another") as state:
        left = state.restore()
        memory = msgspec.json.decode(left.snapshot, type=Memory)
        assert left.incidents
        assert left.effects
        loss = canonical(Lost("x", "y"))
        state.commit(Transaction(time=1, records=(Record("loss", "x", 1, loss),), snapshot=canonical(memory)))
    assert verify(folder, PUBLIC).ok
