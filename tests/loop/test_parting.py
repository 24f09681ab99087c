"""Lines over which a turn fails: found, left out, kept; all others are looked at."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.loop.engine import turn
from tercio.loop.parting import Pile, halves, refused
from tercio.loop.restart import recalled
from tercio.loop.state import Inputs
from tercio.model.events import Batch
from tercio.products.sensors import SENSORS, Sensor
from tercio.store.audit import verify
from tercio.store.state import State
from tests.loop.given import EWS1, HANDSHAKE, PLC1, SOURCE, START, WS1, alert, content, eve, fresh, poll
from tests.loop.shell import Peer, living, records, setup, until, write

POISON = b'"poison"'
OFFICE = "office"


def now() -> int:
    return time.time_ns() // 1000


def fragile(name: str = "suricata") -> Sensor:
    """A sensor that cannot stand one kind of record."""
    whole = SENSORS[name]

    def parse(source: str, generation: str, offset: int, raw: bytes, received: int):
        if POISON in raw:
            raise RecursionError(raw.decode())
        return whole.parse(source, generation, offset, raw, received)

    return whole._replace(parse=parse)


def poisoned(at: int) -> bytes:
    return alert(at, EWS1, PLC1).replace(b'"TCP"', POISON)


def test_records_stay_whole_and_in_their_order():
    lines = (
        b"type=SYSCALL msg=audit(1364481363.243:1): x\n",
        b"type=CWD msg=audit(1364481363.243:1): y\n",
        b"type=SYSCALL msg=audit(1364481363.243:2): z\n",
    )
    sensors = {SOURCE: SENSORS["auditd"], OFFICE: SENSORS["suricata"]}
    whole = Batch(SOURCE, "g", 100, lines, START)
    first, second = halves(sensors, [whole])
    assert first == (Batch(SOURCE, "g", 100, lines[:2], START),)
    assert second == (Batch(SOURCE, "g", first[0].end, lines[2:], START),)
    assert halves(sensors, first) is None
    assert halves(sensors, [whole, first[0]]) == ((whole,), (first[0],))


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_exactly_the_records_that_fail_are_refused(bad: list[bool], sources: int):
    lines = [b"x\n" if each else b"fine\n" for each in bad]
    sensors = {str(n): SENSORS["suricata"] for n in range(sources)}
    pile, taken, steps = Pile(), [], 0
    pile.batches = tuple(Batch(name, "g", 7, tuple(lines), START) for name in sensors)
    whole = pile.batches
    while pile:
        steps += 1
        if any(b"x\n" in batch.lines for batch in pile.batches):
            pile.part(sensors, ValueError("x"))
            continue
        taken += [*(each.batch for each in pile.refused), *pile.batches]
        assert all(each.batch.lines == (b"x\n",) for each in pile.refused)
        pile.written()
    for batch in whole:
        mine = [each for each in taken if each.source == batch.source]
        assert b"".join(line for each in mine for line in each.lines) == b"".join(lines)
        assert [each.offset for each in mine] == [7, *(each.end for each in mine[:-1])]
    assert steps <= 1 + len(whole) * (1 + sum(bad) * 14)


def test_a_failure_is_told_once_by_its_place_and_never_in_the_records_words():
    pile, sensors = Pile(), {SOURCE: fragile()}
    told = []
    for offset in (0, 50):
        pile.batches = (Batch(SOURCE, "g", offset, (poisoned(START),), START),)
        try:
            fragile().parse(SOURCE, "g", 0, poisoned(START), START)
        except RecursionError as error:
            told += pile.part(sensors, error)
    (loss,) = told
    assert loss.source == SOURCE
    assert "the record at 0 of g: the loop failed on it: RecursionError at test_parting.py:" in loss.loss
    assert len(pile.refused) == 2
    assert refused(pile.refused[0].batch, ValueError("never raised")).reason == "the loop failed on it: ValueError"


def test_a_refused_record_is_counted_kept_and_passed():
    bad = Batch(SOURCE, "g", 10, (poisoned(START),), START + 5)
    good = Batch(SOURCE, "g", bad.end, (alert(START, WS1, PLC1),), START + 6)
    of = content(sensors={SOURCE: fragile()})
    result = turn(of, fresh(), Inputs(now=START + 6, draw=0.5, batches=(good,), refused=(refused(bad, KeyError()),)))
    (kept,) = result.transaction.unparsed
    assert (kept.raw, kept.offset, kept.reason) == (poisoned(START), 10, "the loop failed on it: KeyError")
    assert result.state.offsets == {SOURCE: ("g", good.end)}
    assert result.state.memory.unparsed == {SOURCE: 1}
    assert result.state.memory.heard[SOURCE] == START + 6
    assert result.orders


def test_the_loop_goes_on_over_lines_that_it_cannot_stand(tmp_path: Path):
    """Also where such a line is all that a turn has."""

    of = setup(tmp_path, content=content(sensors={SOURCE: fragile()}))

    async def story() -> None:
        async with Peer(tmp_path).listening() as hand, living(of) as (shell, _):
            write(tmp_path, poll(now()), poisoned(now()), *[poll(now())] * 20, poisoned(now()), alert(now(), WS1, PLC1))
            await until(lambda: hand.orders)
            write(tmp_path, poisoned(now()))
            await until(lambda: shell._state.memory.unparsed == {SOURCE: 3})
            write(tmp_path, alert(now(), EWS1, PLC1))
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


def test_a_restart_recalls_what_it_can():
    lines = [eve("dns", START, WS1, PLC1), poisoned(START), alert(START, WS1, PLC1, HANDSHAKE), poisoned(START)]
    healthy = Batch(SOURCE, "g", 0, tuple(lines), START)
    offset = len(lines[0]) + len(lines[1])
    wanted = SENSORS["suricata"].parse(SOURCE, "g", offset, lines[2], START)
    state = fresh()
    first = turn(
        content(), state, Inputs(now=START, draw=0.5, batches=(Batch(SOURCE, "g", offset, (lines[2],), START),))
    )
    resting = msgspec.structs.replace(first.state, seen={})
    found = recalled(content(sensors={SOURCE: fragile()}), resting, [healthy])
    assert [(cited.event.id, cited.raw) for cited in found.values()] == [(wanted.id, lines[2])]
