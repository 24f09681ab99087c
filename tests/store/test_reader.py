import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tercio.model.commands import EffectState
from tercio.model.events import Unparsed
from tercio.model.incidents import Status
from tercio.model.records import Record, Transaction
from tercio.store.errors import StateUnusable
from tercio.store.reader import CHUNK, Reader
from tercio.store.state import State
from tests.store import made


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path, origin=made.ORIGIN) as state:
        yield state


@pytest.fixture
def reader(tmp_path: Path, state: State) -> Iterator[Reader]:  # noqa: ARG001  The state is there first.
    with Reader(tmp_path) as reader:
        yield reader


def test_a_fresh_state_holds_nothing(reader: Reader):
    assert (reader.incidents(10), reader.effects(), reader.records(), reader.cited([])) == ((), (), (), ())
    assert reader.incident("inc-1") is None
    assert reader.unparsed_counts() == {}
    assert reader.checkpoint().size == 0
    assert (reader.snapshot(), reader.last_time()) == (b"", 0)


def test_what_the_loop_last_wrote_of_itself_and_when_the_last_record_was_made(state: State, reader: Reader):
    records = tuple(Record("word", "all", at, b"{}") for at in (7, 9))
    state.commit(Transaction(time=9, records=records, snapshot=b'{"heard":{}}'))
    state.commit(Transaction(time=12))
    assert (reader.snapshot(), reader.last_time()) == (b'{"heard":{}}', 9)


def test_incidents_come_newest_first_and_by_status(state: State, reader: Reader):
    incidents = [made.incident(n, updated=100 - n) for n in range(5)]
    incidents.append(made.incident(9, Status.CLOSED, updated=500))
    state.commit(Transaction(time=1, incidents=tuple(incidents)))
    assert [i.updated for i in reader.incidents(3)] == [500, 100, 99]
    assert [i.updated for i in reader.incidents(10, Status.OPEN)] == [100, 99, 98, 97, 96]
    assert reader.incidents(10, Status.CLOSED) == (made.incident(9, Status.CLOSED, updated=500),)


def test_an_incident_is_found_by_a_unique_beginning(state: State, reader: Reader):
    state.commit(Transaction(time=1, incidents=(made.incident(1), made.incident(0x10), made.incident(0x1F))))
    full = made.incident(0x1F).id
    assert reader.incident(full) == made.incident(0x1F)
    assert reader.incident(full.removeprefix("inc-")) == made.incident(0x1F)
    assert reader.incident(full.removeprefix("inc-").upper()) is None
    with pytest.raises(ValueError, match=r"is not one incident: inc-0+10, inc-0+1f$"):
        reader.incident(made.incident(0x10).id[:-1])


@pytest.mark.parametrize("name", ["%", "_", "inc%", "inc-'; --", "INC-0", "\0", "x" * 5000])
def test_a_name_is_only_a_name(state: State, reader: Reader, name: str):
    state.commit(Transaction(time=1, incidents=(made.incident(1),)))
    assert reader.incident(name) is None


def test_an_id_that_begins_another_is_itself(state: State, reader: Reader):
    short, long = made.incident(1), made.incident(2)
    long = long.__class__(**{f: getattr(long, f) for f in long.__struct_fields__} | {"id": short.id + "0"})
    state.commit(Transaction(time=1, incidents=(short, long)))
    assert reader.incident(short.id) == short


def test_many_matches_are_not_all_listed(state: State, reader: Reader):
    state.commit(Transaction(time=1, incidents=tuple(made.incident(n) for n in range(50))))
    with pytest.raises(ValueError, match=r"and more$"):
        reader.incident("inc-")


def test_effects_that_may_stand_are_told_from_those_that_are_over(state: State, reader: Reader):
    effects = tuple(made.effect(n, kind) for n, kind in enumerate(EffectState))
    state.commit(Transaction(time=1, effects=effects))
    assert reader.effects() == effects
    assert {e.state for e in reader.effects(standing_only=True)} == {EffectState.ORDERED, EffectState.STANDING}


def test_records_are_read_on_from_where_one_was(state: State, reader: Reader):
    for n in range(3):
        state.commit(made.turn(n))
    everything = reader.records()
    assert [r.seq for r in everything] == list(range(1, 13))
    assert [r.seq for r in reader.records(after_seq=4, limit=3)] == [5, 6, 7]
    assert [r.kind for r in reader.records(subject=made.incident(1).id)] == ["finding", "incident"]
    assert [r.subject for r in reader.records(kind="effect")] == [made.effect(n).lease for n in range(3)]
    assert everything[0].body == made.turn(0).records[0].body
    assert reader.records(subject=made.incident(1).id, kind="effect") == ()


def test_cited_lines_come_in_the_order_asked_for(state: State, reader: Reader):
    many = tuple(made.cited(n) for n in range(CHUNK + 5))
    state.commit(Transaction(time=1, cited=many))
    asked = [many[3].event.id, "evt-unknown", many[1].event.id, many[3].event.id]
    assert reader.cited(asked) == (many[3], many[1])
    assert reader.cited(c.event.id for c in many) == many


def test_lines_not_understood_are_counted(state: State, reader: Reader):
    state.commit(Transaction(time=1, unparsed=(Unparsed("eve", "g", 0, b"x", "no JSON"),) * 3))
    assert reader.unparsed_counts() == {"eve": 3}


def test_the_checkpoint_is_the_writer_s_last(state: State, reader: Reader):
    assert state.commit(made.turn(1)) == reader.checkpoint()


def test_threads_may_share_a_reader(state: State, reader: Reader):
    state.commit(made.turn(1))
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(len(reader.records()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [4] * 8


def test_reading_needs_no_lock_and_outlives_the_writer(tmp_path: Path):
    with State.open(tmp_path, origin=made.ORIGIN) as state:
        state.commit(made.turn(1))
    with Reader(tmp_path) as reader:
        assert reader.incident(made.incident(1).id) == made.incident(1)
        with State.open(tmp_path, origin=made.ORIGIN) as state:
            state.commit(made.turn(2))
            assert len(reader.records()) == 8


def test_no_state_is_said(tmp_path: Path):
    with pytest.raises(StateUnusable, match="there is no state here"):
        Reader(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be looked at" * 100])
def test_a_file_that_is_no_state_is_said(tmp_path: Path, content: bytes):
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(StateUnusable, match=str(tmp_path)):
        Reader(tmp_path)


@pytest.mark.parametrize(
    ("change", "ask"),
    [
        ("UPDATE incidents SET body = x'7b7d'", lambda r: r.incidents(1)),
        ("UPDATE incidents SET body = 'text'", lambda r: r.incident("")),
        ("UPDATE effects SET body = x'ff'", lambda r: r.effects()),
        ("UPDATE cited SET event = x'00'", lambda r: r.cited([made.cited(1).event.id])),
        ("UPDATE checkpoints SET note = 'x'", lambda r: r.checkpoint()),
        ("DELETE FROM checkpoints", lambda r: r.checkpoint()),
        ("UPDATE journal SET kind = CAST(x'ff' AS TEXT)", lambda r: r.records()),
        ("DROP TABLE effects", lambda r: r.effects()),
    ],
)
def test_damage_is_said_and_what_to_do(state: State, reader: Reader, tmp_path: Path, change: str, ask):
    state.commit(made.turn(1))
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute(change)
    raw.close()
    with pytest.raises(StateUnusable, match="backup"):
        ask(reader)
