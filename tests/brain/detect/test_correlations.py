"""Correlations of every kind, from their text to their findings, against the oracle; and over each other."""

import json
import os
import re
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.brain.detect import windows
from tercio.brain.detect.correlations import MAX_COUNT
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import LATENESS, Hit, Windows, step
from tercio.model.events import Event, Match, Provenance
from tercio.model.findings import Finding
from tercio.model.units import SECOND
from tests.brain.detect.naive_correlations import Matched, told

SPAN = 300
START = 1_800_000_000  # a multiple of the span, so that windows begin at 0
EXAMPLES = 3_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 40  # of each kind


def base(name: str, level: str = "low") -> dict[str, Any]:
    source = {"product": "p", "service": "s"}
    return {
        "title": name,
        "name": name,
        "level": level,
        "logsource": source,
        "detection": {"s": {"f": name}, "condition": "s"},
    }


def over(name: str, body: dict[str, Any], level: str = "high") -> dict[str, Any]:
    given = {"timespan": f"{SPAN}s", "group-by": ["who"], **body}
    return {"title": name, "name": name, "level": level, "correlation": given}


def compiled(*bodies: dict[str, Any]) -> RuleSet:
    ruleset = compile_rules({body["name"]: yaml.safe_dump(body) for body in bodies})
    assert not ruleset.rejected, ruleset.rejected
    return ruleset


def hit(rule: str, at: int, number: int = 0, *, source: str = "log", **fields: Any) -> Hit:
    """A match at some seconds after the start; lines that are not told apart by their number are one line."""
    time = (START + at) * SECOND
    fields = {"who": "w", **{name: str(value) for name, value in fields.items()}}
    event = Event(
        id=f"evt-{source}-{at:06}-{number}",
        source=source,
        generation="1",
        offset=number,
        product="p",
        kind="k",
        class_uid=0,
        time=time,
        began=time,
        until=time,
        received=time,
        provenance=Provenance.FORGEABLE,
        machine=fields.pop("machine", ""),
    )
    return Hit(Match(rule, 0, fields), event)


def run(ruleset: RuleSet, *hits: Hit, cuts: int = 1) -> list[Finding]:
    """All findings, the stream taken in some turns, and a last line long afterwards that ends every window."""
    last = max((each.event.time for each in hits), default=0)
    end = hit("end", (last // SECOND - START if last else 0) + 4 * SPAN, 10**6)
    state, found = Windows(), []
    stream = [*hits, end]
    for at in range(0, len(stream), cuts):
        state, more = step(ruleset, state, stream[at : at + cuts])
        found.extend(more)
    return [finding for finding in found if finding.rule != "end"]


KINDS: list[dict[str, Any]] = [
    {"type": "event_count", "condition": {op: 3}} for op in ("gt", "gte", "lt", "lte", "eq", "neq")
]
KINDS += [{"type": "value_count", "condition": {op: 2, "field": "n"}} for op in ("gt", "gte", "lt", "lte", "eq", "neq")]
KINDS += [{"type": "value_sum", "condition": {op: 5, "field": "n"}} for op in ("gt", "gte", "lt", "lte", "eq", "neq")]
KINDS += [{"type": "value_avg", "condition": {op: 1.5, "field": "n"}} for op in ("gt", "lte", "eq")]
KINDS += [{"type": "value_median", "condition": {op: 1, "field": "n"}} for op in ("gte", "lt", "neq")]
KINDS += [
    {"type": "value_percentile", "condition": {op: 2, "field": "n", "percentile": share}}
    for op, share in (("gte", 90), ("lt", 50), ("eq", 100), ("lte", 1))
]
KINDS += [{"type": "temporal"}, {"type": "temporal", "condition": {"gte": 2}}, {"type": "temporal_ordered"}]
KINDS += [
    {"type": "temporal", "condition": words}
    for words in ("a and b", "a and not b", "(a or b) and not c", "not a", "a and (b or c)", "not (a and b)")
]

STREAM = st.lists(
    st.tuples(st.integers(0, 3 * SPAN), st.sampled_from("abc"), st.integers(-1, 4)), max_size=12, unique=True
)


@cache
def over_rules(body: str, rules: tuple[str, ...]) -> RuleSet:
    given = json.loads(body)
    named = {} if isinstance(given.get("condition"), str) else {"rules": list(rules)}
    return compiled(*map(base, [*rules, "end"]), over("x", {**named, **given}))


@pytest.mark.parametrize("body", KINDS, ids=lambda body: f"{body['type']} {body.get('condition', '')}")
@settings(max_examples=EXAMPLES)
@given(stream=STREAM, data=st.data())
def test_engine_and_oracle_agree(body: dict[str, Any], stream: list[Matched], data: st.DataObject) -> None:
    given = body.get("condition")
    expression = given if isinstance(given, str) else None
    rules = [rule for rule in "abc" if expression is None or rule in re.findall(r"\b[abc]\b", expression)]
    matches = sorted(match for match in stream if match[1] in rules)
    names = {hit(rule, at, n).event.id: (at, rule, value) for n, (at, rule, value) in enumerate(matches)}
    hits = [hit(rule, at, n, n=value) for n, (at, rule, value) in enumerate(matches)]
    given = given if isinstance(given, dict) else {}
    op, bound = next(((op, n) for op, n in given.items() if op not in ("field", "percentile")), ("gte", len(rules)))
    wanted = told(
        body["type"],
        op,
        bound,
        SPAN,
        rules,
        matches,
        expression=expression,
        names=rules,
        percentile=given.get("percentile", 0),
    )
    found = run(over_rules(json.dumps(body), tuple(rules)), *hits, cuts=data.draw(st.integers(1, 5)))
    assert len(found) == len(wanted), (found, wanted)
    for finding, window in zip(found, wanted, strict=True):
        cited = [names[event] for event in finding.events]
        assert set(cited) <= set(window), "what is cited was in the window"
        if body["type"] == "temporal" and expression:
            assert {rule for _, rule, _ in cited} == {rule for _, rule, _ in window}


@settings(max_examples=EXAMPLES)
@given(body=st.sampled_from(KINDS), stream=STREAM, data=st.data())
def test_each_group_is_judged_as_if_it_were_alone(
    body: dict[str, Any], stream: list[Matched], data: st.DataObject
) -> None:
    """Over the whole list, in whatever way the lines of several groups are mixed."""
    ruleset = over_rules(json.dumps(body), ("a", "b", "c"))
    groups = data.draw(st.lists(st.sampled_from("xyz"), min_size=len(stream), max_size=len(stream)))
    hits = [
        hit(rule, at, n, n=value, who=who)
        for n, ((at, rule, value), who) in enumerate(sorted(zip(stream, groups, strict=True)))
    ]
    alone = [
        set(finding.events)
        for who in "xyz"
        if (own := [each for each in hits if each.match.fields["who"] == who])
        for finding in run(ruleset, *own)
    ]
    mixed = [set(finding.events) for finding in run(ruleset, *hits, cuts=data.draw(st.integers(1, 5)))]
    assert sorted(map(sorted, mixed)) == sorted(map(sorted, alone))


@settings(max_examples=EXAMPLES)
@given(stream=STREAM, data=st.data())
def test_windows_end_to_end_hold_the_same_in_whatever_order_lines_come(
    stream: list[Matched], data: st.DataObject
) -> None:
    """Within the lateness that is allowed; and however the stream is cut into turns."""
    ruleset = compiled(
        *map(base, "abc"),
        base("end"),
        over("x", {"type": "event_count", "rules": ["a", "b", "c"], "condition": {"lt": 3}}),
    )
    hits = [hit(rule, at // 10, n) for n, (at, rule, _) in enumerate(sorted(stream))]
    wanted = [set(finding.events) for finding in run(ruleset, *hits)]
    mixed = data.draw(st.permutations(hits))
    late = LATENESS // SECOND
    if all(each.event.time // SECOND - START < late for each in hits):
        assert [set(finding.events) for finding in run(ruleset, *mixed, cuts=data.draw(st.integers(1, 5)))] == wanted


def test_what_is_judged_at_the_end_is_told_when_late_lines_have_had_their_time() -> None:
    few = compiled(base("a"), base("end"), over("few", {"type": "event_count", "rules": "a", "condition": {"lt": 3}}))
    edge = SPAN + LATENESS // SECOND
    state, early = step(few, Windows(), [hit("a", 7), hit("end", edge - 1)])
    assert [finding.rule for finding in early] == ["end"]
    state, found = step(few, state, [hit("end", edge)])
    assert [finding.rule for finding in found] == ["few", "end"]
    assert found[0].time == (START + SPAN) * SECOND, "it is true since the window is over"
    assert found[0].offset == 0
    assert found[0].events == (hit("a", 7).event.id,)
    state, none = step(few, state, [hit("a", 8, 1), hit("end", edge + 5)])
    assert [finding.rule for finding in none] == ["end"], "a line that is later still is counted, and says nothing"
    assert state.late == 1


def test_what_is_no_number_measures_nothing() -> None:
    sums = compiled(
        base("a"), base("end"), over("x", {"type": "value_sum", "rules": "a", "condition": {"gte": 3, "field": "n"}})
    )
    state, found = step(sums, Windows(), [hit("a", 1, 1, n="2"), hit("a", 2, 2, n="x"), hit("a", 3, 3, n="0x9")])
    assert found == ()
    assert state.ungrouped == 2
    assert [f.rule for f in step(sums, state, [hit("a", 4, 4, n="1.0")])[1]] == ["x"]


def test_combinations_of_several_fields_are_counted() -> None:
    counts = compiled(
        base("a"), over("x", {"type": "value_count", "rules": "a", "condition": {"gte": 3, "field": ["n", "m"]}})
    )
    pairs = [("1", "1"), ("1", "2"), ("1", "1"), ('1","', "2"), ("2", "1")]
    _, found = step(counts, Windows(), [hit("a", n, n, n=one, m=two) for n, (one, two) in enumerate(pairs)])
    assert [len(finding.events) for finding in found] == [3]


CHAIN = (
    base("fail"),
    base("enter"),
    base("end"),
    over("guessing", {"type": "event_count", "rules": "fail", "condition": {"gte": 3}, "group-by": ["who", "host"]}),
    over("guessed", {"type": "temporal_ordered", "rules": ["guessing", "enter"], "group-by": ["who"]}),
)


def test_a_correlation_over_a_correlation() -> None:
    ruleset = compiled(*CHAIN)
    fails = [hit("fail", n, n, host="h") for n in range(3)]
    enter = hit("enter", 9, 9)
    _, found = step(ruleset, Windows(), [*fails, enter])
    assert [finding.rule for finding in found] == ["guessed"], "what it stands on is silent"
    assert found[0].events == tuple(each.event.id for each in (*fails, enter)), "and is cited by its own lines"
    late = [hit("fail", 20 + n, n, host="h") for n in range(3)]
    assert step(ruleset, Windows(), [enter, *late])[1] == (), "in their order"
    others = [hit("fail", n, n, host=f"h{n}") for n in range(3)]
    assert step(ruleset, Windows(), [*others, enter])[1] == ()


def test_a_chain_tells_machines_under_one_address_apart() -> None:
    ruleset = compiled(*CHAIN)
    fails = [hit("fail", n, n, host="h", machine="m1") for n in range(3)]
    assert step(ruleset, Windows(), [*fails, hit("enter", 9, 9, machine="m2")])[1] == ()
    assert len(step(ruleset, Windows(), [*fails, hit("enter", 9, 9, machine="m1")])[1]) == 1


def test_a_chain_may_let_its_parts_report() -> None:
    loud = (*CHAIN[:-1], over("guessed", {**CHAIN[-1]["correlation"], "generate": True}))
    _, found = step(compiled(*loud), Windows(), [*(hit("fail", n, n, host="h") for n in range(3)), hit("enter", 9, 9)])
    assert [finding.rule for finding in found] == ["guessing", "enter", "guessed"]


def test_a_window_that_ends_may_complete_another() -> None:
    ruleset = compiled(
        base("beat"),
        base("end"),
        over("quiet", {"type": "event_count", "rules": "beat", "condition": {"lte": 1}}),
        over("long quiet", {"type": "event_count", "rules": "quiet", "condition": {"gte": 2}, "timespan": "1h"}),
    )
    found = run(ruleset, hit("beat", 5), hit("beat", 5 + SPAN, 1), hit("beat", 5 + 2 * SPAN, 2))
    assert [(finding.rule, len(finding.events)) for finding in found] == [("long quiet", 2)]


def test_windows_have_room_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood in one window takes nothing from what another waits for."""
    few = compiled(base("a"), base("end"), over("x", {"type": "event_count", "rules": "a", "condition": {"eq": 2}}))
    calm = [hit("a", 1, 1), hit("a", 2, 2)]
    flood = [hit("a", SPAN + 1, 10 + n) for n in range(500)]
    found = run(few, *calm, *flood)
    assert [set(finding.events) for finding in found] == [{each.event.id for each in calm}]
    monkeypatch.setattr(windows, "MAX_GROUPS", 8)
    state, _ = step(few, Windows(), [hit("a", n, n, who=n) for n in range(100)])
    assert len(state.tracks["x"]) <= 8
    assert state.dropped == 100 - len(state.tracks["x"])


@pytest.mark.parametrize(("count", "rejected"), [(MAX_COUNT, 0), (MAX_COUNT + 1, 1)])
def test_there_is_a_largest_count(count: int, rejected: int) -> None:
    bodies = (base("a"), over("x", {"type": "event_count", "rules": "a", "condition": {"gte": count}}))
    ruleset = compile_rules({body["name"]: yaml.safe_dump(body) for body in bodies})
    assert len(ruleset.rejected) == rejected
