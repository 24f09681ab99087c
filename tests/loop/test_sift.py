"""From lines to what is worth looking at, by themselves; and the ones that fail."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.sigma import compile_rules
from tercio.content import rule_texts
from tercio.loop.engine import turn
from tercio.loop.parting import halves
from tercio.loop.restart import recalled
from tercio.loop.sift import sift, sight
from tercio.loop.state import Inputs
from tercio.model.events import Batch
from tercio.products.sensors import SENSORS, Sensor
from tests.loop.given import BASIS, EWS1, HANDSHAKE, PLC1, SOURCE, START, WS1, alert, content, eve, fresh, poll, replace

FEW = "title: F\nname: f\ncorrelation: {type: event_count, rules: modbus-write, timespan: 1m, condition: {lt: 2}}\n"
POISON = b'"poison"'


def fragile(name: str = "suricata", *, records: bool = False) -> Sensor:
    """A sensor that cannot stand one kind of record, or (``records``) not even to part lines that have one."""
    whole = SENSORS[name]

    def parse(source: str, generation: str, offset: int, raw: bytes, received: int):
        if POISON in raw:
            raise RecursionError(raw.decode())
        return whole.parse(source, generation, offset, raw, received)

    def reshape(lines: tuple[bytes, ...]):
        if any(POISON in line for line in lines):
            raise ValueError(lines)
        return lines, lines

    return whole._replace(parse=parse, reshape=reshape if records else None)


def poisoned(at: int) -> bytes:
    return alert(at, EWS1, PLC1).replace(b'"TCP"', POISON)


def batch(*lines: bytes, offset: int = 100) -> Batch:
    return Batch(SOURCE, "g", offset, lines, START + 5)


def test_only_what_matters_is_kept_and_every_line_moves_the_end():
    lines = (eve("dns", START, WS1, PLC1), poll(START), alert(START, WS1, PLC1), b"cut\n")
    (lot,) = sift(content(), batch(*lines))
    assert [(each.event.kind, each.line, bool(each.matches)) for each in lot.seen] == [
        ("modbus", lines[1], False),
        ("alert", lines[2], True),
    ]
    assert lot.seen[1].event.offset == 100 + len(lines[0]) + len(lines[1])
    assert [each.raw for each in lot.unparsed] == [b"cut\n"]
    assert (lot.offset, lot.end, lot.received, lot.records) == (100, 100 + sum(map(len, lines)), START + 5, 3)


def test_the_time_of_the_last_record_is_told_where_a_rule_waits_for_it():
    lines = (alert(START, WS1, PLC1), eve("dns", START + 9, WS1, PLC1))
    assert [lot.latest for lot in sift(content(), batch(*lines))] == [0]
    waits = {**rule_texts(), "few": FEW}
    rules = compile_rules(waits)
    waiting = content(rules=rules, detector=Detector(rules, {SOURCE: SENSORS["suricata"].log_source}))
    assert [lot.latest for lot in sift(waiting, batch(*lines))] == [START + 9]
    assert [lot.latest for lot in sift(waiting, batch(*lines, b"cut\n"))] == [0]
    assert [lot.latest for lot in sift(waiting, batch())] == [0]
    (first,), (second,) = halves(sift(waiting, batch(lines[0], *lines)))
    assert (first.latest, second.latest) == (0, START + 9), "not before what it stands behind"


def test_a_record_of_a_host_that_ends_lines_in_its_own_way_is_whole():
    line = eve("dns", START, WS1, PLC1)
    (lot,) = sift(content(), batch(line.replace(b"\n", b"\r\n"), line[:-2] + b"\r\n"))
    assert (lot.seen, [each.raw for each in lot.unparsed]) == ((), [line[:-2] + b"\r\n"])


def test_nothing_read_moves_nothing():
    (lot,) = sift(content(), batch())
    assert (lot.offset, lot.end, lot.records) == (100, 100, 0)


@given(st.lists(st.sampled_from("px."), max_size=12), st.booleans())
@settings(max_examples=40, deadline=None)
def test_exactly_the_records_that_fail_are_left_out_and_kept(kinds: list[str], records: bool):
    lines = [{"p": poll(START), "x": poisoned(START), ".": eve("dns", START, WS1, PLC1)}[kind] for kind in kinds]
    lots = sift(content(sensors={SOURCE: fragile(records=records)}), batch(*lines))
    assert [each.line for lot in lots for each in lot.seen] == [poll(START)] * kinds.count("p")
    assert [each.raw for lot in lots for each in lot.unparsed] == [poisoned(START)] * kinds.count("x")
    assert [lot.offset for lot in lots] == [100, *(lot.end for lot in lots[:-1])]
    assert lots[-1].end == 100 + sum(map(len, lines))
    assert all(lot.failed and lot.records == 1 and not lot.seen for lot in lots if lot.unparsed)


def test_of_an_error_its_class_and_place_are_told_and_not_its_words():
    (lot,) = sift(content(sensors={SOURCE: fragile()}), batch(poisoned(START)))
    assert lot.failed.startswith("Tercio failed on it: RecursionError at test_sift.py:")
    assert "poison" not in lot.failed
    assert lot.unparsed[0].reason == lot.failed


def test_a_line_that_was_cut_stays_as_it_is_beside_one_that_fails():
    """Else all offsets behind it would be those of another file."""
    cut = poll(START)[:-2]
    lots = sift(content(sensors={SOURCE: fragile()}), batch(poisoned(START), cut))
    assert b"".join(each.raw for lot in lots for each in lot.unparsed) == poisoned(START) + cut
    assert lots[-1].end == 100 + len(poisoned(START)) + len(cut)


def test_records_of_several_lines_stay_whole():
    audit = SENSORS["auditd"]
    lines = (
        b"type=SYSCALL msg=audit(1364481363.243:1): x\n",
        b'type=CWD msg=audit(1364481363.243:1): "poison"\n',
        b"type=SYSCALL msg=audit(1364481363.243:2): z\n",
    )
    lots = sift(content(sensors={SOURCE: audit._replace(parse=fragile("auditd").parse, observes=bool)}), batch(*lines))
    assert [each.raw for lot in lots for each in lot.unparsed] == [lines[0] + lines[1]]
    assert [each.line for lot in lots for each in lot.seen] == [lines[2]]


def test_a_restart_recalls_what_it_can():
    lines = [eve("dns", START, WS1, PLC1), poisoned(START), alert(START, WS1, PLC1, HANDSHAKE), poisoned(START)]
    offset = len(lines[0]) + len(lines[1])
    known = SENSORS["suricata"].parse(SOURCE, "g", offset, lines[2], START)
    made = Batch(SOURCE, "g", offset, (lines[2],), START)
    first = turn(content(), fresh(), Inputs(now=START, draw=0.5, lots=sift(content(), made)))
    resting = changed(first.state, seen={})
    found = recalled(content(sensors={SOURCE: fragile()}), resting, [Batch(SOURCE, "g", 0, tuple(lines), START)])
    assert [(cited.event.id, cited.raw) for cited in found.values()] == [(known.id, lines[2])]


def test_who_sifts_by_other_rules_code_or_sensors_is_known_by_it():
    mine = sight(content())
    assert mine == sight(content(limits=replace(content().limits, belief=900)))
    for other in (
        content(basis=replace(BASIS, code="other")),
        content(basis=replace(BASIS, rules="other")),
        content(sensors={SOURCE: SENSORS["windows"]}),
        content(sensors={"elsewhere": SENSORS["suricata"]}),
    ):
        assert sight(other) != mine
