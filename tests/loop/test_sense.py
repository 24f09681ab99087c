"""From lines to events and findings."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.leaves import MOST_PAIRS
from tercio.brain.detect.sigma import compile_rules
from tercio.loop.conduct import MOST_FAILED
from tercio.loop.sense import Sensed
from tercio.loop.sense import sense as sense_lots
from tercio.loop.state import Content, Memory
from tercio.model.events import Batch, Provenance
from tercio.model.units import SECOND
from tercio.products.sensors import SENSORS
from tests.loop.given import EWS1, HMI1, PLC1, SOURCE, START, WS1, alert, content, eve, fresh, poll, sifted

MEMORY = fresh().memory


def sense(of: Content, memory: Memory, batches: tuple[Batch, ...], offsets: dict[str, tuple[str, int]]) -> Sensed:
    return sense_lots(of, memory, sifted(of, *batches), offsets)


def batch(*lines: bytes, offset: int = 0, received: int = START + SECOND, generation: str = "g") -> Batch:
    return Batch(SOURCE, generation, offset, lines, received)


def test_only_what_matters_is_parsed_and_every_line_moves_the_offset():
    lines = (eve("dns", START, WS1, "10.77.10.1"), poll(START), alert(START, WS1, PLC1))
    sensed = sense(content(), MEMORY, (batch(*lines, offset=100),), {})
    assert [event.kind for event in sensed.events] == ["modbus", "alert"]
    assert sensed.events[1].offset == 100 + len(lines[0]) + len(lines[1])
    assert sensed.offsets == {SOURCE: ("g", 100 + sum(map(len, lines)))}
    assert sensed.unparsed == ()


def test_a_finding_cites_its_lines_as_they_were_read():
    line = alert(START, WS1, PLC1)
    sensed = sense(content(), MEMORY, (batch(poll(START), line),), {})
    (finding,) = sensed.findings
    assert (finding.src, finding.dst) == (WS1, (PLC1,))
    assert [sensed.cited[event].raw for event in finding.events] == [line]


def test_windows_go_on_from_turn_to_turn():
    """A sweep is proven by a handshake of the same source, however many turns earlier."""
    first = sense(content(), MEMORY, (batch(alert(START, WS1, PLC1, 9200001)),), {})
    assert not first.findings
    assert first.memory.windows != MEMORY.windows
    probes = [alert(START + SECOND, WS1, PLC1, 9200002, "forgeable", dport=port) for port in (502, 102, 80, 22)]
    second = sense(content(), first.memory, (batch(*probes[:3], offset=1000),), {})
    assert not second.findings
    third = sense(content(), second.memory, (batch(probes[3], offset=9000),), {})
    assert [(f.title, f.provenance) for f in third.findings] == [("Port sweep towards OT", Provenance.ESTABLISHED)]


def test_who_spoke_and_who_showed_a_view_is_remembered():
    sensed = sense(content(), MEMORY, (batch(eve("dns", START, WS1, "10.77.10.1")),), {})
    assert (sensed.memory.heard, sensed.memory.views) == ({SOURCE: START + SECOND}, ())
    back = sense(content(), sensed.memory, (batch(poll(START), received=START),), {})
    assert (back.memory.heard, back.memory.views) == ({SOURCE: START}, (SOURCE,)), "by a clock that may be set back"


def test_a_line_that_was_cut_off_is_counted_wherever_it_was_cut():
    whole = eve("dns", START, WS1, "10.77.10.1")
    for cut in (whole[: len(whole) // 2] + b"\n", whole[len(whole) // 2 :]):
        sensed = sense(content(), MEMORY, (batch(cut, whole),), {})
        assert [line.raw for line in sensed.unparsed] == [cut]
        assert sensed.memory.unparsed == {SOURCE: 1}


def test_nothing_read_changes_nothing():
    sensed = sense(content(), MEMORY, (), {SOURCE: ("g", 5)})
    assert sensed.memory == MEMORY
    assert sensed.offsets == {SOURCE: ("g", 5)}


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60), st.sampled_from([poll(START), alert(START, EWS1, PLC1), b"{}", b"[]", b"null"])
        ),
        max_size=8,
    )
)
def test_no_line_stops_those_around_it(middle: list[bytes]):
    lines = [line.replace(b"\n", b"") + b"\n" for line in middle]
    first, last = alert(START, WS1, PLC1), poll(START + SECOND, hmi=HMI1)
    sensed = sense(content(), MEMORY, (batch(first, *lines, last),), {})
    assert sensed.findings[0].src == WS1
    assert sensed.events[-1].kind == "modbus"
    assert sensed.offsets[SOURCE][1] == len(first) + len(last) + sum(map(len, lines))
    assert sensed.memory.unparsed.get(SOURCE, 0) == len(sensed.unparsed)


QUIET = """\
title: Fewer than two reads
name: few
correlation: {type: event_count, rules: write, group-by: [src_ip], timespan: 1m, condition: {lt: 2}}
level: high
"""
ALIKE = """\
title: Two lists alike
name: alike
logsource: {product: suricata, service: alert}
detection: {s: {a|fieldref: b}, condition: s}
level: high
"""
PLAIN = """\
title: A write
name: write
logsource: {product: suricata, service: alert}
detection: {s: {alert.signature_id: 9200003}, condition: s}
level: high
"""


@cache
def with_rules(*texts: str) -> Content:
    rules = compile_rules({str(number): text for number, text in enumerate(texts)})
    assert not rules.rejected
    return content(rules=rules, detector=Detector(rules, {SOURCE: SENSORS["suricata"].log_source}))


def test_a_window_is_over_once_its_source_was_heard_whatever_it_said():
    of = with_rules(PLAIN, QUIET)
    first = sense(of, MEMORY, (batch(alert(START, WS1, PLC1), received=START),), {})
    far = START + 600 * SECOND
    other = eve("dns", far, WS1, "10.77.10.1")
    assert not sense(of, first.memory, (batch(other, received=START + SECOND),), {}).findings, "not before it is read"
    heard = sense(of, first.memory, (batch(other, offset=500, received=far),), {})
    (few,) = heard.findings
    assert (few.rule, few.received) == ("few", far)
    assert 500 <= few.offset < heard.offsets[SOURCE][1], "so that the next line is behind it"
    assert sense(with_rules(PLAIN), MEMORY, (batch(other, received=far),), {}).memory.windows.heard == {}


def test_where_nothing_comes_after_it_open_windows_are_judged():
    of = with_rules(PLAIN, QUIET)
    lots = sifted(of, batch(alert(START, WS1, PLC1), received=START))
    sensed = sense_lots(of, MEMORY, lots, {}, over=START + SECOND)
    assert [(f.rule, f.received, f.source) for f in sensed.findings] == [("few", START + SECOND, SOURCE)]
    later = sense_lots(of, sense_lots(of, MEMORY, lots, {}).memory, (), sensed.offsets, over=START + SECOND)
    assert [f.id for f in later.findings] == [f.id for f in sensed.findings], "in a turn of its own, too"


def failing(at: int) -> bytes:
    many = [str(number) for number in range(MOST_PAIRS)]
    return alert(at, WS1, PLC1).replace(b'"event_type"', b'"a":["x","y"],"b":' + encode(many) + b',"event_type"')


def test_a_rule_that_fails_is_passed_over_and_told_with_the_record_until_it_is_set_aside():
    of = with_rules(ALIKE, PLAIN)
    bad, good = failing(START), alert(START, WS1, PLC1).replace(b'"event_type"', b'"a":"x","b":"x","event_type"')
    sensed = sense(of, MEMORY, (batch(good, bad, good),), {})
    assert [f.rule for f in sensed.findings] == ["alike", "write", "write", "alike", "write"]
    assert [(each.raw, each.reason) for each in sensed.unparsed] == [
        (bad, f"the rule alike failed on it: a and b have 2 and {MOST_PAIRS} values to compare")
    ]
    assert sensed.memory.unparsed == {SOURCE: 1}
    assert not sensed.memory.setbacks, "it matched after that, so it works"
    sensed = sense(of, MEMORY, (batch(*[bad] * MOST_FAILED, good),), {})
    assert [f.rule for f in sensed.findings] == ["write"] * (MOST_FAILED + 1)
    assert sensed.memory.setbacks["alike"].aside
    assert len(sensed.unparsed) == MOST_FAILED
    after = sense(of, sensed.memory, (batch(bad, good),), {})
    assert ([f.rule for f in after.findings], after.unparsed) == (["write", "write"], ())
