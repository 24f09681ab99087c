"""What one turn wants written, in order."""

import msgspec

from tercio.loop.ledger import Ledger
from tercio.model.canon import canonical
from tercio.model.events import Unparsed
from tercio.model.records import CommandRow
from tests.agents import given as officers
from tests.loop.given import START, command, fresh


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
    ledger.note("word", "all", {"b": 1, "a": 2})
    ledger.command(command(), "ordered")
    ledger.effect(officers.effect())
    ledger.command(command(), "done")
    ledger.effect(officers.effect(why="later"))
    ledger.incident(officers.incident())
    written = ledger.transaction(fresh(), flush=False)
    assert [(r.kind, r.subject) for r in written.records] == [
        ("word", "all"),
        ("command", "cmd-9"),
        ("effect", "lse-1"),
        ("command", "cmd-9"),
        ("effect", "lse-1"),
        ("incident", "inc-1"),
    ]
    assert written.records[0].body == b'{"a":2,"b":1}'
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
