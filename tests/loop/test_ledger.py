"""What one turn wants written, in order."""

import ast
from pathlib import Path

import msgspec
import pytest

import tercio
from tercio.loop.ledger import SHAPES, Ledger
from tercio.model.canon import canonical
from tercio.model.events import Unparsed
from tercio.model.journal import Silence, digest_of
from tercio.model.records import CommandRow
from tests.agents import given as officers
from tests.loop.given import START, WS1, Desk, alert, command, fresh


def test_a_turn_that_said_nothing_writes_nothing_unless_a_flush_is_due():
    state = fresh(offsets={"ot": ("g", 7)})
    assert Ledger(START).transaction(state, flush=False) is None
    flushed = Ledger(START).transaction(state, flush=True)
    assert (flushed.time, flushed.records, flushed.offsets) == (START, (), {"ot": ("g", 7)})
    assert flushed.snapshot == canonical(state.memory)


def test_a_line_that_nobody_understood_is_reason_enough_to_write():
    ledger = Ledger(START)
    ledger.unparsed = (Unparsed("ot", "g", 0, b"x\n", "no"),)
    assert ledger.transaction(fresh(), flush=False).unparsed == ledger.unparsed


def test_records_keep_their_order_and_rows_their_last_state():
    ledger = Ledger(START)
    ledger.note("all", Silence("b", silent=True))
    ledger.command(command(), "ordered")
    ledger.effect(officers.effect())
    ledger.command(command(), "done")
    ledger.effect(officers.effect(why="later"))
    ledger.incident(officers.incident())
    written = ledger.transaction(fresh(), flush=False)
    assert [(r.kind, r.subject) for r in written.records] == [
        ("silence", "all"),
        ("command", "cmd-9"),
        ("effect", "lse-1"),
        ("command", "cmd-9"),
        ("effect", "lse-1"),
        ("incident", "inc-1"),
    ]
    assert written.records[0].body == b'{"silent":true,"source":"b"}'
    assert written.commands == (CommandRow(command(), "done"),)
    assert [effect.why for effect in written.effects] == ["later"]
    assert all(record.time == START for record in written.records)


def test_the_last_record_of_a_row_is_the_row():
    """The audit holds rows against the journal."""
    ledger = Ledger(START)
    ledger.effect(officers.effect())
    ledger.effect(officers.effect(why="later"))
    written = ledger.transaction(fresh(), flush=False)
    assert msgspec.json.decode(written.records[-1].body, type=type(written.effects[0])) == written.effects[0]


def test_what_is_of_no_kind_is_not_journaled():
    with pytest.raises(KeyError):
        Ledger(START).note("all", {"kind": "word"})


def test_one_kind_has_one_shape_and_one_shape_one_kind():
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_records_are_made_by_the_ledger_and_by_erasing_alone():
    """So that every kind that is written has a shape: the ledger takes no other, and erasing writes ``Erasure``."""
    root = Path(tercio.__file__).parent
    makers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "tercio.model.records import" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Record"
    }
    assert {name for name in makers if not name.startswith("drills/")} == {"loop/ledger.py", "store/state.py"}


def test_a_finding_names_the_lines_that_it_cites_and_those_that_were_gone():
    desk = Desk()
    desk.take(alert(desk.now, WS1, "10.77.30.21"))
    (written,) = [turn.transaction for turn in desk.turns]
    (told,) = desk.records("finding")
    events = {cited.event.id: cited.event for cited in written.cited}
    assert told["finding"]["events"] == list(events)
    assert told["lines"] == digest_of(map(canonical, events.values()))
    assert told["absent"] == []
