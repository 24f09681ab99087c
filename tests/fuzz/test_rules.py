"""Rules that somebody damaged, and windows of correlations whose clocks run mad."""

from typing import Any

import msgspec
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import Hit, Windows, step
from tercio.content import rule_texts
from tercio.model.canon import canonical
from tercio.model.events import Batch, Endpoint, Event, Match, Provenance
from tercio.products.sensors import SENSORS
from tests.fuzz.mutate import in_linear_time, mutated, rounds

GOOD = rule_texts()["modbus-write/rule.yml"]
PIECES = [
    *(text.encode() for text in rule_texts().values()),
    b"title: t\nname: a\nlogsource: {product: suricata, service: dns}\ndetection: {s: {f|re: '(a+)+'}, condition: s}\n",
    (
        b"title: t\nname: b\nlogsource: {category: webserver}\ndetection: {s: [x, y*z], t: {a|cidr: 10.0.0.0/8}, "
        b"condition: 1 of them and not all of s*}\n"
    ),
    b"title: t\nname: c\nfilter: {rules: any, s: {f|base64offset|contains: x, g|windash: -x}, condition: s}\n",
    (
        b"title: t\nname: d\ncorrelation: {type: value_sum, rules: a, group-by: [f], timespan: 1m, "
        b"condition: {field: g, gt: 1.5}}\n"
    ),
]


def test_a_damaged_rule_of_a_site_is_left_out_and_takes_no_other_along() -> None:
    sources = {name: sensor.log_source for name, sensor in SENSORS.items()}
    good = "c4f6a0d8-2e17-4b3a-9d88-7a5b1e0f6e24"
    kept = 0
    with in_linear_time(1200):
        for text in mutated(PIECES, rounds(250), "rules"):
            words = text.decode("utf-8", "replace")
            ruleset = compile_rules({"ours.yml": GOOD, "own.yml": words}, own=("own.yml",))
            assert good in ruleset.rules, text
            assert all(rejected.reason and rejected.file == "own.yml" for rejected in ruleset.rejected)
            kept += len(ruleset.rules) + len(ruleset.correlations) > 1
            Detector(ruleset, sources)
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(ruleset), type=RuleSet) == ruleset
    assert kept > rounds(250) // 20, "many are changed where it does not matter: the way to the end is tried, too"


CORRELATED = compile_rules(
    {
        f"{number}.yml": yaml.safe_dump(body)
        for number, body in enumerate(
            [
                *(
                    {
                        "title": name,
                        "name": name,
                        "logsource": {"product": "p", "service": "s"},
                        "detection": {"s": {"f": name}, "condition": "s"},
                    }
                    for name in ("a", "b")
                ),
                *(
                    {
                        "title": kind,
                        "name": f"{kind} {op}",
                        "correlation": {
                            "type": kind,
                            "rules": ["a", "b"],
                            "group-by": ["g"],
                            "timespan": "5m",
                            **({"condition": {"field": "v", op: 2}} if not kind.startswith("t") else {}),
                        },
                    }
                    for kind, op in [
                        ("temporal", ""),
                        ("temporal_ordered", ""),
                        ("value_count", "gte"),
                        ("value_sum", "gt"),
                        ("value_avg", "lt"),
                        ("value_median", "gt"),
                    ]
                ),
            ]
        )
    }
)
assert len(CORRELATED.correlations) == 6
MOMENT = st.sampled_from([-(1 << 59), -1, 0, 1, 1_800_000_000_000_000, 253_402_300_799_999_999, 1 << 59]) | st.integers(
    1_800_000_000_000_000, 1_800_000_600_000_000
)
VALUE = st.sampled_from(["1", "2.5", "-0", "9" * 40, "9" * 400, "x", "", "1e5", "\x00", "nan", "inf"])


@st.composite
def hits(draw: st.DrawFn) -> Hit:
    rule, number = draw(st.sampled_from(["a", "b"])), draw(st.integers(0, 5))
    time, received = draw(MOMENT), draw(MOMENT)
    fields: dict[str, Any] = {"g": draw(VALUE), "v": draw(VALUE)}
    fields = {name: fields[name] for name in draw(st.sets(st.sampled_from(["g", "v"]))) | {"g"}}
    event = Event(
        id=f"e{number}",
        source=draw(st.sampled_from(["one", "two"])),
        generation="1",
        offset=number,
        product="p",
        kind="k",
        class_uid=0,
        time=time,
        began=time,
        until=time,
        received=received,
        provenance=draw(st.sampled_from(Provenance)),
        src=Endpoint(draw(VALUE)),
    )
    return Hit(Match(rule, number, fields), event)


@given(st.lists(hits(), max_size=20), st.data())
def test_whatever_the_clocks_say_windows_stay_a_value_that_can_be_written(
    given_: list[Hit], data: st.DataObject
) -> None:
    whole, findings = step(CORRELATED, Windows(), given_)
    cut = data.draw(st.integers(0, len(given_)))
    state, first = step(CORRELATED, Windows(), given_[:cut])
    later, second = step(CORRELATED, msgspec.json.decode(canonical(state), type=Windows), given_[cut:])
    assert first + second == findings
    assert canonical(later.clocks) == canonical(whole.clocks)
    events = {hit.event.id for hit in given_}
    assert all(set(finding.events) <= events for finding in findings)
    assert sum(len(track) for groups in whole.tracks.values() for track in groups.values()) <= 6 * len(given_)


SLOW = {
    "a.yml": """\
title: a
name: a
logsource: {product: suricata, service: dns}
detection:
  repeats: {dns.rrname|re: '(a+)+$'}
  wild: {dns.rrname: '*a*a*a*a*a*b'}
  long: {dns.rrname|contains|all: [aaaaaaaaaaaaaaaaaaaaaaaab, b]}
  same: {dns.rrname|fieldref|contains: dns.other}
  words: [aaaaaaaaaaaaaaaaab, 'a*?*c']
  condition: 1 of them
"""
}
HEAD = b'{"event_type":"dns","timestamp":"2026-11-24T08:00:00Z","dns":{"rrname":'


def test_a_megabyte_made_to_be_slow_is_matched_in_linear_time() -> None:
    """Repeats in repeats, wildcards over wildcards, needles that nearly are there; lists and nesting without end."""
    detector = Detector(compile_rules(SLOW), {"eve": SENSORS["suricata"].log_source})
    size = 1 << 20
    many = b"[" + b",".join(b'"a%d"' % number for number in range(50_000)) + b"]"
    lines = (
        HEAD + b'"' + b"a" * size + b'!"}}\n',
        HEAD + b'"' + b"aab" * (size // 3) + b'!","other":"' + b"a" * (size // 2) + b'"}}\n',
        HEAD + many + b',"other":' + many + b"}}\n",
        HEAD + b'{"x":' * 900 + b"1" + b"}" * 900 + b"}}\n",
        HEAD + b'"ab","' + b'a":1,"'.join(b"%d" % number for number in range(50_000)) + b'":1}}\n',
        HEAD + b'"caaa"}}\n',
    )
    with in_linear_time():
        found = detector.match(Batch("eve", "1", 0, lines, 0))
    assert {each.index for each in found} >= {len(lines) - 1}
