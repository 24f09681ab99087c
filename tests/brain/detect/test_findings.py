"""What correlations see of each other; the rest of these functions is held by the stories in test_windows.py."""

from typing import Any

import msgspec

from tercio.brain.detect.findings import Hit, correlated, parties, resighted, sighted, single
from tercio.brain.detect.sigma import compile_rules
from tercio.model.events import Endpoint, Event, Match, Provenance

BASE = """\
title: B
name: b
author: Ann
level: informational
logsource: {product: p, service: s}
detection: {s: {f: x}, condition: s}
"""
COUNT = "title: C\nname: c\ncorrelation: {type: event_count, rules: b, timespan: 1m, condition: {gte: 2}}\n"
RULES = compile_rules({"b": BASE, "c": COUNT})


def event(number: int, **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "product": "p",
        "kind": "k",
        "class_uid": 0,
        "time": 10 + number,
        "began": 0,
        "until": 0,
        "received": 50,
        "provenance": Provenance.FORGEABLE,
        "src": Endpoint("10.0.0.66", 9),
        "dst": Endpoint(f"10.0.1.{number}", 502),
    }
    return Event(id=f"evt-{number}", source="s", generation="1", offset=number, **{**fields, **changes})


def hit(number: int, **changes: Any) -> Hit:
    return Hit(Match("b", 0), event(number, **changes))


def test_a_match_is_sighted_as_context_if_its_rule_is() -> None:
    seen = sighted(RULES, hit(1))
    assert (seen.rule, seen.event, seen.dst, seen.port, seen.context, seen.cites) == (
        "b",
        "evt-1",
        "10.0.1.1",
        502,
        True,
        (),
    )
    assert sighted(RULES, hit(1, time=90)).time == 50, "what is from the future counts as of its receipt"


def test_a_finding_is_sighted_with_all_that_it_names() -> None:
    about = RULES.correlations["c"]
    track = tuple(sighted(RULES, hit(n)) for n in (2, 1))
    finding = correlated(about, track, 60, event(2))
    seen = resighted(RULES, finding)
    assert (seen.rule, seen.event, seen.time) == ("c", finding.id, 60)
    assert (seen.cites, seen.dst, seen.others) == (("evt-2", "evt-1"), "10.0.1.1", ("10.0.1.2",))
    above = correlated(about, (seen, msgspec.structs.replace(track[0], dst="10.0.1.9")), 70, event(3))
    assert above.events == ("evt-2", "evt-1"), "each line once"
    assert above.dst == ("10.0.1.1", "10.0.1.2"), "context names nobody"


def test_a_single_finding_names_both_ends() -> None:
    finding = single(RULES.rules["b"], event(1))
    assert (finding.src, finding.dst, finding.events) == ("10.0.0.66", ("10.0.1.1",), ("evt-1",))
    assert (finding.author, RULES.rules["b"].author) == ("Ann", "Ann"), "who wrote the rule is named with its alerts"
    assert parties(event(1, src=None, dst=None)) == ("", "")
