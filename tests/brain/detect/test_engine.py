"""The engine against a naive reading of the specification, and its own behaviour: routes, shapes, damage."""

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.brain.detect import engine
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.leaves import MOST_PAIRS
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.model.events import Batch, Failed, LogSource, Match
from tests.brain.detect import naive

SOURCE = LogSource(
    "test",
    ("kind",),
    {"any": ({"kind": ("a", "b")},), "one": ({"kind": ("a",)},), "two": ({"kind": ("b",)},)},
    "tests",
)


def rule(detection: dict[str, Any], *, name: str = "r", **logsource: str) -> dict[str, Any]:
    source = logsource or {"product": "test", "service": "any"}
    return {"title": "T", "name": name, "logsource": source, "detection": detection}


def compiled(*rules: dict[str, Any]) -> RuleSet:
    return compile_rules({f"{place}.yml": yaml.safe_dump(body, sort_keys=False) for place, body in enumerate(rules)})


def lines_of(*events: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)


def run(ruleset: RuleSet, *events: Any, source: LogSource = SOURCE) -> list[tuple[str, int]]:
    found = Detector(ruleset, {"s": source}).match(Batch("s", "1", 0, lines_of(*events), 0))
    return [(match.rule, match.index) for match in found]


def agree(detection: dict[str, Any], *events: dict[str, Any]) -> list[bool]:
    """The oracle's answers, after asserting that the engine gives the same."""
    body = rule(detection)
    ruleset = compiled(body)
    assert not ruleset.rejected, ruleset.rejected
    events = tuple({"kind": "a", **event} for event in events)
    expected = [naive.matches(body, event) for event in events]
    got = {index for _, index in run(ruleset, *events)}
    assert [index in got for index in range(len(events))] == expected, (detection, events, expected)
    return expected


def test_a_rule_that_a_line_makes_fail_says_so_and_takes_no_other_along() -> None:
    same = rule({"s": {"f|fieldref": "g"}, "condition": "s"}, name="same")
    ruleset = compiled(same, rule({"s": {"f": "x"}, "condition": "s"}, name="plain"))
    many = [str(number) for number in range(MOST_PAIRS // 64)]
    events = [{"kind": "a", "f": ["x", *many[:63]], "g": [*many, "x"]}, {"kind": "a", "f": ["x"], "g": ["x"]}]
    detector = Detector(ruleset, {"s": SOURCE})
    batch = Batch("s", "1", 0, lines_of(*events, events[0]), 0)
    found = detector.match(batch)
    assert [(type(each), each.rule, each.index) for each in found] == [
        (Match, "plain", 0),
        (Failed, "same", 0),
        (Match, "plain", 1),
        (Match, "same", 1),
        (Match, "plain", 2),
        (Failed, "same", 2),
    ]
    assert [each.reason for each in found if isinstance(each, Failed)] == [
        "f and g have 64 and 65 values to compare"
    ] * 2
    assert detector.match(batch) == found == Detector(ruleset, {"s": SOURCE}).match(batch)


@pytest.mark.parametrize(
    ("item", "yes", "no"),
    [
        ({"f": "x"}, ["x", "X", ["y", "x"]], ["xx", None, {"x": "x"}, []]),
        ({"f|cased": "aB"}, ["aB"], ["ab", "AB"]),
        ({"f": "a*b?"}, ["abc", "A--Bc", "a\nbé"], ["ab", "abcd"]),
        ({"f": r"a\*b"}, ["a*b"], ["aab", r"a\*b"]),
        ({"f": r"a\\*b"}, ["a\\b", "a\\xb"], ["a*b"]),
        ({"f|contains": "ß"}, ["groß", "GROẞ"], ["GROSS"]),
        ({"f|contains": "straße*É"}, ["In der STRAßE é!"], ["strasse é"]),
        ({"f|startswith": "é"}, ["Éa", "éa"], ["ea", "e\u0301a"]),
        ({"f": "k"}, ["k", "K", "\u212a"], ["q"]),
        ({"f|contains": "k?"}, ["\u212aa", "K\u1c80"], ["\u212a"]),
        ({"f": "s"}, ["S", "\u017f"], ["ß"]),
        ({"f|endswith": "οσ"}, ["ΟΔΟΣ", "οδος"], ["οδο"]),  # noqa: RUF001 (Greek, with its final sigma)
        ({"f|contains": "ე"}, ["\u1c94"], ["ა"]),
        ({"f|contains|cased": "É"}, ["xÉ"], ["xé"]),
        ({"f": ""}, [""], [None, " ", []]),
        ({"f": "*"}, ["", "x", 1, False], [None, {}, []]),
        ({"f|contains": ""}, ["", "x", 0], [None, {}, []]),
        ({"f|startswith": ""}, ["", "x"], [None]),
        ({"f": "**"}, ["", "x"], [None]),
        ({"f": "?"}, ["x", "é", "\n"], ["", "xx"]),
        ({"f": "*?"}, ["x", "éx"], [""]),
        ({"f": "a**b"}, ["ab", "axb"], ["a"]),
        ({"f": None}, [None], ["", 0, [], {}]),
        ({"f|exists": True}, [None, "", 0, {}, []], []),
        ({"f|exists": False}, [], [None, "x"]),
        ({"f": 22}, [22, 22.0, "22"], ["22.0", "022", True, 220]),
        ({"f": 1}, [1, "1"], [True, "true"]),
        ({"f": True}, [True, "TRUE"], [1, "yes"]),
        ({"f": "1"}, [1, "1"], [1.5, True]),
        ({"f|gt": 5}, [6, "6", 5.5, "5.01"], [5, "x", None, True, "6 "]),
        ({"f|lte": -1}, [-1, "-1", -2.5], [0, "-0.5"]),
        ({"f|cidr": "10.77.0.0/16"}, ["10.77.3.4", ["1.1.1.1", "10.77.0.0"]], ["10.78.0.1", "::1", "x", 10]),
        ({"f|cidr": "fd00::/8"}, ["fd00::1", "FD12::"], ["fe80::1", "10.0.0.1"]),
        ({"f|re": "^a[0-9]+$"}, ["a1", "a1\n"], ["A1", "xa1", "a1\nx"]),
        ({"f|re|i": "a.c"}, ["xABCx"], ["a\nc"]),
        ({"f|re|s": "a.c"}, ["a\nc"], ["AbC"]),
        ({"f|re|m": "^b$"}, ["a\nb\nc"], ["ab"]),
        ({"f|re": "x*"}, ["", "y", 1], [None]),
        ({"f|contains|all": ["a", "b"]}, ["xbya", ["ab"], ["a", "b"]], ["a", "b"]),
        ({"f|neq": ["a", "b"]}, ["c", None, ["c"]], ["a", ["c", "b"]]),
        ({"f": ["a", None]}, ["a", None], ["b"]),
        ({"f": 10**15}, [10**15, str(10**15), 1e15], [10**15 + 1, 10**30]),
        ({"f": "x" * 2000}, ["X" * 2000], ["x" * 1999]),
        ({"f|hour": 7}, ["2026-11-24T07:59:59Z", "2026-11-24 07:00:00.123", "2026-11-24T08:30+01:00", 27000], ["7", 7]),
        ({"f|hour|gte": 22}, ["2026-11-24T22:00Z", 82800], ["2026-11-24T21:59:59Z", "x", None, True, -1, "2026-13-01"]),
        ({"f|minute": [0, 30]}, ["2026-11-24T22:30Z", 0], ["2026-11-24T22:31Z"]),
        ({"f|day": 24}, ["2026-11-24"], ["2026-11-23"]),
        ({"f|week": 53}, ["2026-12-31", "2027-01-03"], ["2027-01-04", "2026-11-24"]),
        ({"f|month|lt": 3}, ["2026-02-28"], ["2026-03-01"]),
        ({"f|year": 2026}, ["2026-11-24"], ["2027-01-01T00:00Z"]),
        ({"f|contains|all|cased": ["A", "b"]}, ["bA"], ["ba", "BA"]),
        ({"f|re|i|m|s": "^a.b$"}, ["x\nA\nB"], ["xa\nb"]),
    ],
)
def test_each_modifier(item: dict[str, Any], yes: list[Any], no: list[Any]) -> None:
    expected = agree({"s": item, "condition": "s"}, *({"f": value} for value in (*yes, *no)))
    assert expected == [True] * len(yes) + [False] * len(no)


@pytest.mark.parametrize(
    ("section", "yes", "no"),
    [
        (["Evil"], [{"f": "so EVIL!"}, {"deep": {"er": [1, "evil"]}}], [{"evil": "x"}, {"f": None}, {}]),
        (["a*b", "?x"], [{"f": "-a-b-"}, {"g": "yx"}], [{"f": "x", "g": "b a"}]),
        ({"|all": ["one", "two"]}, [{"f": "one", "g": "two"}, {"f": "onetwo"}], [{"f": "one"}]),
        ([4625], [{"id": 4625}, {"f": "id 4625."}], [{"id": 462}]),
        ({"|re": "^a[0-9]+$"}, [{"f": ["b", "a12"]}], [{"f": "xa12"}]),
    ],
)
def test_keywords_are_looked_for_in_every_value(section: Any, yes: list[Any], no: list[Any]) -> None:
    expected = agree({"s": section, "condition": "s"}, *yes, *no)
    assert expected == [True] * len(yes) + [False] * len(no)
    assert agree({"s": section, "condition": "not s"}, *yes, *no) == [not each for each in expected]


def test_a_field_stands_where_its_source_says() -> None:
    source = LogSource(
        "test",
        ("Channel", "EventID"),
        {
            "logon": ({"Channel": ("Security",), "EventID": ("4624",)}, {"Channel": ("Old",)}),
            "id": ({"EventID": ("1", "4624")},),
        },
        "tests",
        {"Channel": ("log.channel", "Channel"), "EventID": ("log.id",)},
        "log.data.",
    )
    ruleset = compiled(
        rule({"s": {"User": "eve"}, "condition": "s"}, product="test", category="logon"),
        rule({"s": {"User": "eve"}, "condition": "s"}, name="both", product="test", category="logon", service="id"),
        rule({"s": ["eve"], "condition": "s"}, name="word", product="test", category="logon"),
    )
    seen = run(
        ruleset,
        {"log": {"channel": "Security", "id": 4624, "data": {"User": "Eve"}}},
        {"log": {"id": "4624", "data": {"User": "EVE"}}, "Channel": "SECURITY"},
        {"log": {"channel": "Old", "id": 9, "data": {"User": "eve"}}, "Channel": "Security"},
        {"log": {"channel": "Security", "id": 1, "data": {"User": "eve"}}},
        {"log": {"channel": "Security", "id": 4624, "data": {"User": "bob"}}, "User": "eve"},
        {"log": {"channel": "Security", "id": 4624, "data": None}, "who": ["eve"]},
        source=source,
    )
    everything = ["both", "r", "word"]
    wanted = [everything, everything, ["r", "word"], [], ["word"], ["word"]]
    assert [[name for name, at in seen if at == index] for index in range(6)] == wanted


@pytest.mark.parametrize(
    ("item", "absent"),
    [
        ({"f": None}, True),
        ({"f|exists": False}, True),
        ({"f|neq": "a"}, True),
        ({"f": "*"}, False),
        ({"f|re": "x*"}, False),
    ],
)
def test_an_absent_field(item: dict[str, Any], absent: bool) -> None:
    assert agree({"s": item, "condition": "s"}, {}) == [absent]


@pytest.mark.parametrize(
    ("modifiers", "yes", "no"),
    [
        ("", [("a", "A"), (1, "1"), ("x", ["y", "X"]), (True, "true")], [("a", "ab"), ("a", None), (None, None)]),
        ("|startswith", [("abc", "AB")], [("abc", "bc")]),
        ("|endswith", [("abc", "bc")], [("abc", "ab")]),
        ("|contains", [("abc", "B"), ("abc", "")], [("abc", "d")]),
    ],
)
def test_field_references(modifiers: str, yes: list[Any], no: list[Any]) -> None:
    events = [{"f": mine, "o": {"g": theirs}} for mine, theirs in (*yes, *no)]
    expected = agree({"s": {f"f|fieldref{modifiers}": "o.g"}, "condition": "s"}, *events, {"f": "a"}, {"o": {"g": "a"}})
    assert expected == [True] * len(yes) + [False] * (len(no) + 2)


@pytest.mark.parametrize(
    ("key", "want", "value"),
    [
        ("f|base64|contains", "attack", "xxYXR0YWNrxx"),
        ("f|base64offset|contains", "attack", "AGF0dGFja"),
        ("f|wide|base64|contains", "at", "xYQB0AA=="),
        ("f|windash|contains", " -x", "a /X b"),
    ],
)
def test_modifiers_that_pysigma_expands(key: str, want: str, value: str) -> None:
    ruleset = compiled(rule({"s": {key: want}, "condition": "s"}))
    assert run(ruleset, {"kind": "a", "f": value}, {"kind": "a", "f": "other"}) == [("r", 0)]


def test_paths_lead_through_objects_and_lists() -> None:
    detection = {"s": {"a.b.c": "x"}, "condition": "s"}
    events = [
        {"a": {"b": {"c": "x"}}},
        {"a": [{"b": {"c": "y"}}, {"b": [{"c": "x"}, 3]}]},
        {"a": {"b": "x"}},
        {"a": None},
        {"a.b.c": "x"},
        {"a": {"b": {"c": ["z", ["x"]]}}},
    ]
    assert agree(detection, *events) == [True, True, False, False, False, True]


def test_a_path_may_also_be_the_beginning_of_another() -> None:
    detection = {"s": {"a": "x", "b": "y"}, "t": {"a.b": "x"}, "condition": "s or t"}
    assert agree(detection, {"a": "x", "b": "y"}, {"a": {"b": "x"}}, {"a": "x"}) == [True, True, False]


def test_conditions() -> None:
    detection = {
        "sel_1": {"f": "a"},
        "sel_2": {"g": "b"},
        "other": [{"f": "c"}, {"g": "d", "h": None}],
        "condition": ["all of sel_* and not other", "1 of them and f"],
        "f": {"h": "x"},
    }
    events = [{"f": f, "g": g, "h": h} for f in "ac" for g in "bd" for h in ("x", None)]
    answers = agree(detection, *events)
    assert True in answers
    assert False in answers


FUZZED = Detector(
    compiled(
        rule({"s": {"f|contains": "a", "n.x": 1}, "condition": "s"}),
        rule({"s": ["xay"], "t": {"n.x|re": "^b$"}, "condition": "s and t"}, name="words"),
        rule(
            {"s": {"f|hour": 5}, "t": {"f|cidr": "10.0.0.0/8"}, "u": {"f|gt": 4}, "condition": "1 of them"}, name="odd"
        ),
    ),
    {"s": SOURCE},
)


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60) | st.text(max_size=40).map(str.encode), max_size=5), st.data())
def test_whatever_bytes_come_no_line_disturbs_its_neighbours(lines: list[bytes], data: st.DataObject) -> None:
    """Pieces of records, cut and spliced anywhere, and plain noise."""
    good = b'{"kind":"a","f":"xay","n":{"x":[1,"b"]}}\n'
    cut = data.draw(st.integers(0, len(good)))
    hostile = [good[:cut], good[cut:], good[:cut] + b"".join(lines) + good[cut:], *lines]
    mixed = tuple(line for wrong in hostile for line in (wrong, good))
    found = FUZZED.match(Batch("s", "1", 0, mixed, 0))
    hits = {match.index for match in found}
    assert hits >= set(range(1, len(mixed), 2))


def test_rules_run_only_where_their_source_leads() -> None:
    detection = {"s": {"f": "x"}, "condition": "s"}
    rules = [
        rule(detection, name="both", product="test", service="any"),
        rule(detection, name="only-a", product="test", service="one"),
        rule(detection, name="category", product="test", category="two"),
        rule(detection, name="neither", product="test", category="one", service="two"),
        rule(detection, name="elsewhere", product="windows", service="one"),
        rule(detection, name="unknown", product="test", service="three"),
        rule(detection, name="everywhere", product="test"),
        rule({"s": {"f": "x", "kind": "b"}, "condition": "s"}, name="by-field", product="test"),
        rule({"s": {"f": "x", "kind|neq": "b"}, "condition": "s"}, name="not-by-field", product="test"),
        rule(detection, name="no-product", service="one"),
    ]
    detector = Detector(compiled(*rules), {"s": SOURCE})
    found = detector.match(
        Batch("s", "1", 0, lines_of({"kind": "a", "f": "x"}, {"kind": "b", "f": "x"}, {"f": "x"}), 0)
    )
    assert [(match.rule, match.index) for match in found] == [
        ("both", 0),
        ("only-a", 0),
        ("both", 1),
        ("by-field", 1),
        ("category", 1),
    ]
    assert set(detector.unrouted) == {"neither", "elsewhere", "unknown", "everywhere", "not-by-field", "no-product"}
    assert "windows" in detector.unrouted["elsewhere"]
    assert "three" in detector.unrouted["unknown"]


def test_several_sources() -> None:
    other = LogSource("other", ("meta.id",), {"log": ({"meta.id": ("7",)},)}, "tests")
    ruleset = compiled(
        rule({"s": {"f": "x"}, "condition": "s"}, name="here", product="test", service="one"),
        rule({"s": {"f": "x"}, "condition": "s"}, name="there", product="other", service="log"),
    )
    detector = Detector(ruleset, {"s": SOURCE, "o": other})
    lines = lines_of({"kind": "a", "f": "x", "meta": {"id": 7}}, {"f": "x", "meta": {"id": "7"}})
    assert [(m.rule, m.index) for m in detector.match(Batch("s", "1", 0, lines, 0))] == [("here", 0)]
    assert [(m.rule, m.index) for m in detector.match(Batch("o", "1", 0, lines, 0))] == [("there", 0), ("there", 1)]
    assert detector.match(Batch("nobody", "1", 0, lines, 0)) == ()
    assert detector.unrouted == {}


def test_damaged_lines_are_skipped_and_only_they() -> None:
    ruleset = compiled(
        rule({"s": {"f|contains": "x"}, "condition": "s"}), rule({"s": {"g.h": 1}, "condition": "s"}, name="q")
    )
    good = lines_of({"kind": "a", "f": "x"})[0]
    bad = (
        b"",
        b"\n",
        b"[1]",
        b'"kind"',
        good[:-5],
        b'{"kind":["a"],"f":"x"}',
        b'{"kind":{"a":1},"f":"x"}',
        b'{"kind":true,"f":"x"}',
        b'{"kind":null,"f":"x"}',
        b'{"kind":"a","f":"\xff"}',
        b'{"kind":"a","f":"\\ud800"}',
        b'{"kind":"a","f":1e999}',
        b'{"kind":"a","f":' + b"[" * 100_000,
        b'{"kind":"a","f":' + b"[" * 5000 + b'"x"' + b"]" * 5000 + b"}",
    )
    lines = tuple(line for wrong in bad for line in (wrong, good))
    found = Detector(ruleset, {"s": SOURCE}).match(Batch("s", "1", 0, lines, 0))
    assert [match.index for match in found] == list(range(1, len(lines), 2))


def test_a_huge_number_is_no_text() -> None:
    ruleset = compiled(rule({"s": {"f": "*"}, "t": {"f|gt": 5}, "condition": "s or t"}))
    found = Detector(ruleset, {"s": SOURCE}).match(Batch("s", "1", 0, (b'{"kind":"a","f":' + b"9" * 4000 + b"}",), 0))
    assert len(found) == 1, "it is compared as a number"


def test_values_that_python_holds_equal_stay_apart() -> None:
    """1, 1.0 and true are one key of a Python dictionary; remembered answers must not be mixed up."""
    ruleset = compiled(
        rule({"s": {"f": "1"}, "condition": "s"}), rule({"s": {"f": "true"}, "condition": "s"}, name="t")
    )
    events = [{"kind": "a", "f": value} for value in (1, True, 1.0, True, 1)]
    assert run(ruleset, *events) == [("r", 0), ("t", 1), ("t", 3), ("r", 4)]
    routes = LogSource("test", ("kind",), {"any": ({"kind": ("1",)},)}, "tests")
    events = [{"kind": kind, "f": 1} for kind in (True, 1, 1.0, "1")]
    assert run(ruleset, *events, source=routes) == [("r", 1), ("r", 3)]


def test_matches_carry_what_correlations_need() -> None:
    base = rule({"s": {"f": "x"}, "condition": "s"}, name="base")
    correlation = {
        "title": "C",
        "name": "c",
        "correlation": {
            "type": "value_count",
            "rules": ["base"],
            "group-by": ["n.who", "n.list"],
            "timespan": "1m",
            "condition": {"field": "port", "gte": 2},
        },
    }
    detector = Detector(compiled(base, correlation), {"s": SOURCE})
    event = {"kind": "a", "f": "x", "n": {"who": "Ärger", "list": [1]}, "port": 7}
    many = {"kind": "a", "f": "x", "n": {"who": None, "list": [1, 2]}, "port": {}}
    found = detector.match(Batch("s", "1", 0, lines_of(event, many), 0))
    assert found == (
        Match("base", 0, {"n.who": "Ärger", "n.list": "1", "port": "7"}),
        Match("base", 1, {}),
    )


def test_plans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_GROUPS", 8)
    ruleset = compiled(rule({"s": {"f": "x"}, "condition": "s"}))
    detector = Detector(ruleset, {"s": SOURCE})
    lines = lines_of(*({"kind": f"k{n}", "f": "x"} for n in range(100)), {"kind": "a", "f": "x"})
    assert [match.index for match in detector.match(Batch("s", "1", 0, lines, 0))] == [100]
    assert len(detector._routers["s"]._groups) <= 8


def test_a_cached_rule_set_answers_alike() -> None:
    ruleset = compiled(
        rule({"s": {"f|contains": ["é", "x*y"], "g|re": "a+"}, "t": {"n.x|gt": 1}, "condition": "s or not t"})
    )
    again = msgspec.json.decode(msgspec.json.encode(ruleset), type=RuleSet)
    assert again == ruleset
    events = [{"kind": "a", "f": "É", "g": "aa", "n": {"x": 3}}, {"kind": "a", "n": {"x": 3}}, {"kind": "a"}]
    assert run(again, *events) == run(ruleset, *events) == [("r", 0), ("r", 2)]
