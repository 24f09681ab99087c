"""Records over which a turn fails: found, left out, kept; all others are looked at."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tercio.loop.engine import turn
from tercio.loop.parting import Pile, halves, refused
from tercio.loop.sift import sift
from tercio.loop.state import Inputs
from tercio.model.events import Batch
from tercio.model.sifted import Sifted
from tercio.products.sensors import Sensor
from tercio.store.audit import verify
from tercio.store.state import State
from tests.loop.given import EWS1, PLC1, SOURCE, START, WS1, alert, content, eve, fresh, poll
from tests.loop.shell import Peer, living, records, setup, until, write
from tests.loop.test_sift import fragile, poisoned


def now() -> int:
    return time.time_ns() // 1000


def lot_of(*lines: bytes, offset: int = 7, source: str = SOURCE) -> Sifted:
    (lot,) = sift(content(), Batch(SOURCE, "g", offset, lines, START))
    return replace(lot, source=source)


def test_halves_have_every_record_once_and_end_where_the_next_begins():
    lines = (eve("dns", START, WS1, PLC1), poll(START), b"cut\n", alert(START, WS1, PLC1), eve("dns", START, WS1, PLC1))
    whole = lot_of(*lines)
    assert whole.records == 3
    (first,), (second,) = halves([whole])
    assert (first.offset, first.end, second.end) == (whole.offset, second.offset, whole.end)
    assert [each.line for lot in (first, second) for each in lot.seen] == [each.line for each in whole.seen]
    assert first.unparsed + second.unparsed == whole.unparsed
    assert (first.records, halves([first])) == (1, None)
    assert halves([whole, first]) == ((whole,), (first,))
    assert halves([]) is None


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_exactly_the_records_that_fail_are_left_out(bad: list[bool], sources: int):
    lines = tuple(alert(START, EWS1 if each else WS1, PLC1) for each in bad)
    pile, taken, steps = Pile(), [], 0
    whole = tuple(lot_of(*lines, source=f"s{n}") for n in range(sources))
    pile.take(whole)
    while pile:
        steps += 1
        if any(each.event.src.address == EWS1 for lot in pile.lots for each in lot.seen):
            assert pile.part(ValueError("x")) is not None
            continue
        taken += pile.lots
        pile.written()
    for lot in whole:
        mine = [each for each in taken if each.source == lot.source]
        left = [each for each in mine if each.failed]
        kept = [each.line for part in mine for each in part.seen]
        assert kept == [line for line in lines if EWS1.encode() not in line]
        assert [each.raw for part in left for each in part.unparsed] == [line for line in lines if line not in kept]
        assert all(each.records == 1 for each in left)
        assert [each.offset for each in mine] == [lot.offset, *(each.end for each in mine[:-1])]
        assert mine[-1].end == lot.end
    assert steps <= 1 + len(whole) * (1 + sum(bad) * 14)


def test_a_failure_is_told_once_by_its_place_and_never_in_the_records_words():
    pile, told = Pile(), []
    for offset in (0, 50):
        pile.take([lot_of(alert(START, EWS1, PLC1), offset=offset)])
        try:
            raise RecursionError("what the record says")
        except RecursionError as error:
            told += pile.part(error)
        pile.written()
    (loss,) = told
    assert loss.source == SOURCE
    assert "the record at 0 of g: Tercio failed on it: RecursionError at test_parting.py:" in loss.loss
    assert "what the record says" not in loss.loss


def test_where_there_is_no_record_to_leave_out_nobody_is_blamed():
    pile = Pile()
    assert pile.part(ValueError()) is None
    quiet = lot_of(eve("dns", START, WS1, PLC1))
    left_out = refused(lot_of(alert(START, WS1, PLC1)), ValueError())
    for lot in (quiet, left_out, lot_of(b"cut\n")):
        pile.lots = ()
        pile.take([lot])
        assert pile.part(ValueError()) is None
        assert pile.lots == (lot,)


def test_a_record_that_is_left_out_is_counted_kept_and_passed():
    line = alert(START, EWS1, PLC1)
    bad = refused(lot_of(line, offset=10), KeyError())
    good = lot_of(alert(START, WS1, PLC1), offset=bad.end)
    result = turn(content(), fresh(), Inputs(now=START + 6, draw=0.5, lots=(bad, good)))
    (kept,) = result.transaction.unparsed
    assert (kept.raw, kept.offset, kept.reason) == (line, 10, "Tercio failed on it: KeyError")
    assert result.state.offsets == {SOURCE: ("g", good.end)}
    assert result.state.memory.unparsed == {SOURCE: 1}
    assert result.orders


def breaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A correlation that cannot stand what one host does."""
    whole = turn

    def failing(of, state, inputs: Inputs):
        if any(each.event.src.address == EWS1 for lot in inputs.lots for each in lot.seen if each.matches):
            raise RecursionError
        return whole(of, state, inputs)

    monkeypatch.setattr("tercio.loop.run.turn", failing)


@pytest.mark.parametrize("where", ["sensor", "turn"])
def test_the_loop_goes_on_over_lines_that_it_cannot_stand(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch):
    """Also where such a line is all that a turn has."""
    sensors: dict[str, Sensor] = {SOURCE: fragile()} if where == "sensor" else dict(content().sensors)
    of = setup(tmp_path, content=content(sensors=sensors))
    bad = poisoned if where == "sensor" else (lambda at: alert(at, EWS1, PLC1))
    if where == "turn":
        breaking(monkeypatch)

    async def story() -> None:
        async with Peer(tmp_path).listening() as hand, living(of) as (shell, _):
            write(tmp_path, poll(now()), bad(now()), *[poll(now())] * 20, bad(now()), alert(now(), WS1, PLC1))
            await until(lambda: hand.orders)
            write(tmp_path, bad(now()))
            await until(lambda: shell._state.memory.unparsed == {SOURCE: 3})
            write(tmp_path, alert(now(), "10.77.10.99", PLC1))
            await until(lambda: len(shell._state.effects) == 2)

    asyncio.run(story())
    (loss,) = [msgspec.json.decode(r.body)["loss"] for r in records(tmp_path, "loss")]
    assert "RecursionError" in loss
    with State.read(of.folder) as reader:
        assert reader.unparsed_counts() == {SOURCE: 3}
    assert verify(of.folder).ok
    size = (tmp_path / "eve.json").stat().st_size
    with State.open(of.folder, origin="x") as store:
        assert store.restore().offsets[SOURCE][1] == size


def test_what_fails_without_any_line_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It is nobody's line; and nothing was written that blames one."""

    def broken(*_: object) -> None:
        raise ArithmeticError

    of = setup(tmp_path)

    async def story() -> None:
        async with living(of) as (shell, _):
            await until(lambda: shell._state.flushed)
            monkeypatch.setattr("tercio.loop.leases.tend", broken)
            write(tmp_path, alert(now(), WS1, PLC1), alert(now(), WS1, PLC1))
            await until(lambda: not (of.folder / "loop.sock").exists())

    with pytest.raises(ArithmeticError):
        asyncio.run(story())
    assert records(tmp_path, "loss") == []
