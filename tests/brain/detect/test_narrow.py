"""What is asked of the archive never leaves out a line that a rule matches."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio import content
from tercio.brain.detect import ir, narrow
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.keywords import _OTHERWISE
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.subset import subset
from tercio.content import rule_texts
from tercio.model.archive import AllOf, AnyOf, Condition, FromSource, Routed, Says
from tercio.model.events import Batch, LogSource
from tercio.products.sensors import SENSORS
from tests.archived import filed, holds

SOURCE = LogSource(
    "test",
    ("kind", "n"),
    {
        "any": ({},),
        "one": ({"kind": ("K1",)},),
        "two": ({"kind": ("b",), "n": ("4", "5")}, {"kind": ("c",)}),
    },
    "tests",
)


def compiled(*detections: dict[str, Any], service: str = "any") -> RuleSet:
    source = {"product": "test", **({"service": service} if service else {})}
    return compile_rules(
        {
            f"{place}.yml": yaml.safe_dump(
                {"title": "T", "name": f"r{place}", "logsource": source, "detection": detection}, sort_keys=False
            )
            for place, detection in enumerate(detections)
        }
    )


def narrowed(ruleset: RuleSet, *, as_written: bool = True) -> Condition:
    live = Detector(ruleset, {"s": SOURCE}).live
    return narrow.narrow(ruleset, live, {"s": SOURCE}, ("s",) if as_written else ())


def or_otherwise(*said: Condition) -> Condition:
    return AnyOf((*said, *narrow.OTHERWISE.of))


@pytest.mark.parametrize(
    ("section", "asked"),
    [
        ({"f|contains": "\\Whoami.exe"}, or_otherwise(Says("whoami.exe"))),
        ({"f|contains": 'a"b/Some*longer?é'}, or_otherwise(Says("longer"))),
        ({"f|contains|cased": "XYZ"}, or_otherwise(Says("xyz"))),
        ({"f|contains": ["xyz", "uvw"]}, or_otherwise(Says("uvw"), Says("xyz"))),
        ({"f|contains|all": ["xyz", "uvw"]}, or_otherwise(Says("uvw"))),
        (["xyz", "uvw"], or_otherwise(Says("uvw"), Says("xyz"))),
        ({"f": True}, or_otherwise(Says("true"))),
        ({"f|contains|all": ["xyz", "longer"]}, or_otherwise(Says("longer"))),
        ({"f|contains": ["xyz", "uvw"], "g": "abc"}, or_otherwise(Says("abc"))),
        ({"kind": "A"}, Routed("kind", ("a",))),
        ({"kind": "123"}, Routed("kind", ("123",))),
        ({"n": 4}, Routed("n", ("4", "4.0"))),
        ({"n": 0.5}, Routed("n", ("0.5",))),
        ({"n": 10**20}, Routed("n", (str(10**20), "1e+20"))),
        ({"kind|startswith": "abcx"}, or_otherwise(Says("abcx"))),
    ],
)
def test_what_lines_must_say(section: Any, asked: Condition):
    assert narrowed(compiled({"s": section, "condition": "s"})) == AllOf((FromSource(("s",)), asked))


@pytest.mark.parametrize(
    "section",
    [
        {"f|contains": "12.5e3"},  # A number may be written in many ways.
        {"f": 445},
        {"f|contains": "xy"},
        {"f|contains": "é/é"},
        {"f|re": "whoami"},
        {"f": None},
        {"f|exists": True},
        {"f|cidr": "10.0.0.0/8"},
        {"f|gt": 4},
        {"f|fieldref": "g"},
        [{"f": "whoami"}, {"g|re": "x+"}],
    ],
)
def test_what_narrows_nothing(section: Any):
    assert narrowed(compiled({"s": section, "condition": "s"})) == FromSource(("s",))


def test_what_must_not_be_narrows_nothing():
    condition = "s and not t"
    detection = {"s": {"f": "whoami"}, "t": {"g": "other"}, "condition": condition}
    assert narrowed(compiled(detection)) == AllOf((FromSource(("s",)), or_otherwise(Says("whoami"))))


def test_kinds_of_record_stay_whatever_a_line_says_otherwise():
    detection = {"s": {"f": "whoami", "kind": "b"}, "condition": "s"}
    two = AnyOf((AllOf((Routed("kind", ("b",)), Routed("n", ("4", "5")))), Routed("kind", ("c",))))
    said = or_otherwise(Says("whoami"))
    assert narrowed(compiled(detection, service="two")) == AllOf(
        (FromSource(("s",)), two, Routed("kind", ("b",)), said)
    )


def test_lines_that_are_read_in_another_shape_are_told_by_their_kind_alone():
    detection = {"s": {"f": "whoami"}, "condition": "s"}
    found = narrowed(compiled(detection, service="one"), as_written=False)
    assert found == AllOf((FromSource(("s",)), Routed("kind", ("k1",))))


def test_rules_without_a_route_ask_for_no_line():
    assert narrowed(compiled({"s": {"f": "whoami"}, "condition": "s"}, service="none")) == AnyOf(())


def test_texts_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(narrow, "MOST_TEXTS", 3)
    few, many = ({"s": {"f": [f"text{n}x" for n in range(size)], "kind": "z"}, "condition": "s"} for size in (3, 4))
    texts = [Says(f"text{n}x") for n in range(3)]
    assert narrowed(compiled(few)) == AllOf((FromSource(("s",)), Routed("kind", ("z",)), or_otherwise(*texts)))
    assert narrowed(compiled(many)) == AllOf((FromSource(("s",)), Routed("kind", ("z",))))


def test_every_other_way_to_write_a_letter_of_ascii_is_known():
    """Whatever folds to a printable letter of ASCII, written as itself or as an escape, is found in both places."""
    otherwise = re.compile("|".join(_OTHERWISE).encode())
    others = (letter for letter in map(chr, range(0x80, sys.maxunicode + 1)) if letter.casefold().isascii())
    folded = [letter for letter in others if ir.fold(letter).isascii()]
    assert folded == ["\u017f", "\u212a"]
    for letter in (*map(chr, range(0x20, 0x7F)), *folded):
        code = ord(letter)
        spellings = [f"\\u{code:04x}", f"\\u{code:04X}", *([letter] if code > 0x7F else [])]
        for spelling in spellings:
            assert otherwise.search(spelling.encode()), spelling
            assert holds(narrow.OTHERWISE, filed("s", SOURCE, b"{}", spelling.encode())), spelling


PIECES = st.sampled_from(
    ["cmd.exe", "KERNEL", "press", "\\", '"', "/", "é", "ß", "İ", "\u212a", "\u017f", "12", ".5e3", "true", " "]
)
TEXT = st.lists(PIECES, min_size=1, max_size=4).map("".join)
CHANGED = st.sampled_from(
    [str, str.upper, str.lower, str.swapcase, lambda t: t.replace("k", "\u212a").replace("s", "\u017f")]
)
PATTERN = st.tuples(TEXT, st.sampled_from(["", "|contains", "|startswith", "|endswith", "|contains|cased"]))
NUMBER = st.sampled_from([4, 4.0, 0, -0.0, 1e3, 12.5, 10**20, 2**63])
DETECTION = st.fixed_dictionaries(
    {
        "s": st.tuples(st.sampled_from(["f", "g", "n.x", "kind", "n"]), PATTERN).map(
            lambda t: {t[0] + t[1][1]: t[1][0]}
        ),
        "t": st.lists(TEXT, min_size=1, max_size=2)
        | st.tuples(st.sampled_from(["n", "f"]), NUMBER).map(lambda t: {t[0]: t[1]}),
        "u": st.sampled_from([{"f|re": "cmd"}, {"g": None}, {"f|exists": True}, {"n|gt": 3}]),
        "condition": st.sampled_from(
            ["s", "t", "s or t", "s and t", "s and not t", "s or not u", "1 of them", "s and u"]
        ),
    }
)


def always_escaped(value: Any) -> str:
    """JSON in which no letter stands as itself."""
    match value:
        case str():
            units = value.encode("utf-16-be").hex()
            return '"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"'
        case dict():
            return "{" + ",".join(f"{always_escaped(k)}:{always_escaped(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(map(always_escaped, value)) + "]"
        case float():
            return f"{value:.3e}"
        case _:
            return json.dumps(value)


ENCODERS: list[Callable[[Any], bytes]] = [
    msgspec.json.encode,
    lambda value: json.dumps(value).encode(),
    lambda value: json.dumps(value, ensure_ascii=False, separators=(" ,  ", "\t:")).encode(),
    lambda value: json.dumps(value).replace("/", "\\/").replace("<", "\\u003c").encode(),
    lambda value: always_escaped(value).encode(),
]


@settings(max_examples=300)
@given(st.lists(DETECTION, min_size=1, max_size=3), st.sampled_from(["any", "one", "two", ""]), st.data())
def test_no_line_that_a_rule_matches_is_left_out(detections: list[dict[str, Any]], service: str, data: st.DataObject):
    ruleset = compiled(*detections, service=service)
    detector = Detector(ruleset, {"s": SOURCE})
    wanted = [text for d in detections for text in (*d["s"].values(), *(d["t"] if isinstance(d["t"], list) else ()))]
    text = st.builds(
        lambda change, before, word, after: before + change(word) + after,
        CHANGED,
        st.sampled_from(["", "x\\"]),
        st.sampled_from(wanted) | TEXT,
        st.sampled_from(["", '"y']),
    )
    value = text | NUMBER | st.none() | st.booleans() | st.lists(text | NUMBER, max_size=2)
    record = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "kind": st.sampled_from(["k1", "\u212a1", "b", "C"]) | text,
                "n": st.sampled_from([4, "5", 4.0]) | NUMBER | value | st.fixed_dictionaries({"x": value}),
                "f": value,
                "g": value,
            },
        )
    )
    for encode in ENCODERS:
        line = encode(record) + b"\n"
        if detector.match(Batch("s", "", 0, (line,), 0)):
            assert holds(narrow.narrow(ruleset, detector.live, {"s": SOURCE}, ("s",)), filed("s", SOURCE, line)), line


def test_our_own_rules_on_our_own_recorded_lines():
    """Of what was recorded of a network, each rule's matches are asked for, and not all is."""
    lines = {
        line
        for path in Path(content.__file__).parent.glob("rules/*/*.ndjson")
        for line in path.read_bytes().splitlines(keepends=True)
        if b'"event_type"' in line
    }
    batch = Batch("s", "", 0, tuple(sorted(lines)), 0)
    sources = {"s": SENSORS["suricata"].log_source}
    rows = [filed("s", sources["s"], line) for line in batch.lines]
    whole, found = compile_rules(rule_texts()), 0
    for rule in [rule.id for rule in whole.rules.values() if rule.origin.product == "suricata"]:
        detector = Detector(ruleset := subset(whole, [rule]), sources)
        condition = narrow.narrow(ruleset, detector.live, sources, ("s",))
        asked = {place for place, row in enumerate(rows) if holds(condition, row)}
        matched = {match.index for match in detector.match(batch)}
        assert matched <= asked < set(range(len(rows)))
        found += bool(matched)
    assert found > 10
