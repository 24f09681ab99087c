"""Made-up rules over made-up events: the engine against the naive reading of the specification.

``HYPOTHESIS_PROFILE=deep ./run test tests/brain/detect/test_differential.py`` tries 100,000 of them.
"""

import os
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.model.events import Batch, Match
from tests.brain.detect import naive
from tests.brain.detect.test_engine import SOURCE, lines_of, rule

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
HUGE = ["x" * 3000 + "b", "K" * 20_000, 2**63, 2**64 + 1, -(10**25), 10**30, 1e300, 1e-7]
MOMENTS = ["2026-11-24T08:30:15Z", "2026-12-31 23:59", "2026-11-24T00:15:00+02:00", 1795509015]
CODED = ["a b", "aB1", "xYQBCAA==", "QUI=", "YUIx", "AGFCMQ", "a\0B\0", "x /a -B", "\u2013a", "-a", "1-a"]
TEXT = st.text(st.sampled_from("aAbBß ẞéÉkK\u212a\u017fs*?\\1.-/"), max_size=5)
WORD = TEXT.filter(lambda text: text.strip("*") != "")
PLAIN = st.text(st.sampled_from("aB1 "), min_size=1, max_size=4)
FIELD = st.sampled_from(["f", "F", "g", "Two Words", "n.x", "n.y", "n.y.z"])
SCALAR = (
    TEXT
    | st.integers(-2, 3)
    | st.booleans()
    | st.none()
    | st.sampled_from([0.5, 1.0, "", "10.0.0.1", "10.9.9.9", "fd00::1", "a\nb", "x\na.b"])
    | st.sampled_from([*HUGE, 2**53 - 1, str(2**63), *MOMENTS, *CODED])
)
VALUE = SCALAR | st.lists(SCALAR, max_size=3)


def modified(names: list[str], wants: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.sampled_from(names), wants)


SHAPES = ["", "|contains", "|startswith", "|endswith"]
CASED = ["|cased", "|contains|cased", "|startswith|cased", "|endswith|cased", "|contains|all", "|contains|all|cased"]
CODES = [
    "|base64",
    "|base64|contains",
    "|base64offset|contains",
    "|wide|base64|contains",
    "|wide|base64offset|contains",
]
CODES += ["|utf16|base64", "|utf16be|base64offset|contains", "|wide", "|utf16be|contains"]
DASHED = ["|windash", "|windash|contains", "|windash|contains|all"]
FILLED = ["|expand", "|contains|expand", "|expand|startswith"]
WANTED = st.one_of(
    modified([*SHAPES, *CASED], TEXT),
    modified(
        [""],
        st.integers(-2, 3) | st.booleans() | st.none() | st.just([]) | st.sampled_from([1.0, 2.5, 2**53 - 1, 2**63]),
    ),
    modified(["", "|neq", "|contains", "|contains|neq", "|cased"], st.lists(TEXT, min_size=2, max_size=3)),
    modified([""], st.lists(TEXT | st.none() | st.integers(0, 2), min_size=2, max_size=3)),
    modified(["|lt", "|lte", "|gt", "|gte"], st.integers(-1, 2) | st.sampled_from([0.5, 1e10])),
    modified(["|exists"], st.booleans()),
    modified(
        ["|re", "|re|i", "|re|s", "|re|m", "|re|i|m|s"],
        st.sampled_from(["^a", "b$", "a.b", "[ab]{2}", "(a+)+$", "^$", "x*", "a|1"]),
    ),
    modified(["|cidr"], st.sampled_from(["10.0.0.0/8", "10.0.0.0/24", "fd00::/8", ["10.9.0.0/16", "fd00::1/128"]])),
    modified(["|fieldref", "|fieldref|contains", "|fieldref|startswith", "|fieldref|endswith"], FIELD),
    modified(["|hour", "|day", "|week|gte", "|minute|lt", "|month", "|year|lte"], st.integers(0, 53) | st.just(2026)),
    modified(CODES, PLAIN),
    modified(
        ["|windash", "|windash|contains", "|windash|contains|all"],
        st.sampled_from(["-a", " /a -B", "1-a", ["-a", "/B"]]),
    ),
    modified(
        ["|expand", "|contains|expand", "|expand|startswith"], st.sampled_from(["%who%", "%where%-a", "x%who%%where%"])
    ),
)
ITEM = st.tuples(FIELD, WANTED)
MAP = st.lists(ITEM, min_size=1, max_size=3).map(lambda items: {field + mod: want for field, (mod, want) in items})
KEYWORDS = st.one_of(
    st.lists(WORD | st.integers(1, 3), min_size=1, max_size=2),
    st.lists(WORD, min_size=1, max_size=2).map(lambda words: {"|all": words}),
    st.sampled_from(["^a", "b$", "1"]).map(lambda pattern: {"|re": pattern}),
)
SECTION = MAP | st.lists(MAP, min_size=1, max_size=2) | KEYWORDS
CONDITION = st.recursive(
    st.sampled_from(["s1", "s2", "t", "1 of s*", "any of s*", "all of s*", "all of them", "1 of them"]),
    lambda inner: st.one_of(
        inner.map(lambda c: f"not ({c})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda c: f"({c[0]}) {c[1]} ({c[2]})"),
        st.tuples(inner, st.sampled_from(["and", "or", "and not", "or not"]), inner).map(" ".join),
    ),
    max_leaves=4,
)
DETECTION = st.fixed_dictionaries(
    {"s1": SECTION, "s2": SECTION, "t": SECTION, "condition": CONDITION | st.lists(CONDITION, min_size=2, max_size=2)}
)
NESTED = st.recursive(
    VALUE,
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=2) | st.lists(inner, max_size=2),
    max_leaves=4,
)
EVENT = st.fixed_dictionaries({}, optional={"f": VALUE, "F": VALUE, "g": VALUE, "Two Words": VALUE, "n": NESTED})
EVENTS = st.lists(EVENT, min_size=1, max_size=4).flatmap(lambda events: st.sampled_from([events, [*events, events[0]]]))
"""Also with a line that comes twice."""


def matches(ruleset: RuleSet, events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    found = Detector(ruleset, {"s": SOURCE}).match(Batch("s", "1", 0, lines_of(*events), 0))
    assert all(isinstance(each, Match) for each in found), "no rule fails"
    return [(match.rule, match.index) for match in found]


def agree(detection: dict[str, Any], events: list[dict[str, Any]], *filters: dict[str, Any]) -> None:
    """Engine and oracle say the same of each event, about a rule and filters over it."""
    body = rule(detection)
    named = [{"title": "F", "logsource": body["logsource"], "filter": {"rules": ["r"], **each}} for each in filters]
    texts = {f"{place}.yml": yaml.safe_dump(each, sort_keys=False) for place, each in enumerate([body, *named])}
    ruleset = compile_rules(texts, placeholders=naive.STANDS_FOR)
    assert not ruleset.rejected, ruleset.rejected
    events = [{"kind": "a", **event} for event in events]
    every = [body, *(rule(each) for each in filters)]
    expected = [("r", at) for at, event in enumerate(events) if all(naive.matches(each, event) for each in every)]
    assert matches(ruleset, events) == expected, (detection, filters, events)


@settings(max_examples=settings().max_examples if DEEP else 200, suppress_health_check=SLOW)
@given(DETECTION, EVENTS)
@example({"s1": {"f": []}, "s2": ["x"], "t": {"f": ""}, "condition": "s1 or s2 and not t"}, [{"f": []}, {"f": ""}, {}])
def test_engine_and_oracle_agree(detection: dict[str, Any], events: list[dict[str, Any]]) -> None:
    agree(detection, events)


@settings(max_examples=settings().max_examples // 10 if DEEP else 40, suppress_health_check=SLOW)
@given(DETECTION, st.lists(DETECTION.map(lambda d: {**d, "condition": "1 of s*"}), min_size=1, max_size=2), EVENTS)
def test_filters_narrow_a_rule_as_the_oracle_says(
    detection: dict[str, Any], filters: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    agree(detection, events, *filters)


@settings(max_examples=40, suppress_health_check=SLOW)
@given(
    st.lists(st.fixed_dictionaries({"s1": SECTION, "condition": st.just("s1")}), min_size=4, max_size=8),
    st.lists(EVENT),
)
def test_rules_do_not_disturb_each_other(detections: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    """Many rules share one graph, one database per field and one decoder: each answers as if alone."""
    bodies = [rule(detection, name=f"r{place}") for place, detection in enumerate(detections)]
    events = [{"kind": "a", **event} for event in events]
    texts = {f"{place}.yml": yaml.safe_dump(body, sort_keys=False) for place, body in enumerate(bodies)}
    got = matches(compile_rules(texts, placeholders=naive.STANDS_FOR), events)
    assert got == sorted(
        ((body["name"], index) for index, event in enumerate(events) for body in bodies if naive.matches(body, event)),
        key=lambda pair: (pair[1], pair[0]),
    )
