"""A hunt's page: what was looked at, what was found, and what can't have been found."""

from io import StringIO
from typing import Any

import msgspec
import pytest
from rich.console import Console

from tercio.app.hunted import QUIET, page
from tercio.app.quest import Answer, Correlated, Found, Held, Matched, Progress
from tercio.model.events import Provenance
from tercio.model.findings import Finding, Level
from tercio.model.units import HOUR, instant

DAY = 24 * HOUR
SINCE, UNTIL = instant("2026-11-01T00:00Z"), instant("2026-11-21T00:00Z")
FOUND = Found(
    time=SINCE + DAY,
    source="hosts",
    generation="7-1",
    offset=4096,
    event="evt_1",
    host="ews1",
    src="ews1",
    dst="",
    fields={"CommandLine": "whoami \x1b[31m/all\u202e"},
)
RULE = Matched(rule="r1", title="Who am I", level=Level.HIGH, asked=True, count=1, kept=(FOUND,), failed={}, silent="")
FINDING = Finding(
    id="fnd_1",
    rule="c1",
    version="1",
    title="Often",
    level=Level.HIGH,
    tactics=(),
    techniques=(),
    events=("evt_1", "evt_2", "evt_3", "evt_4"),
    time=SINCE + DAY,
    received=SINCE + DAY,
    provenance=Provenance.FORGEABLE,
    src="ews1",
    dst=("plc1", "plc2"),
    service="",
    port=0,
    flow="",
    source="hosts",
    generation="7-1",
    offset=4096,
)
OVER = Correlated(rule="c1", title="Often", level=Level.HIGH, asked=True, count=1, kept=(FINDING,), silent="")
HELD = Held(source="hosts", rows=5000, begins=SINCE, ends=UNTIL, hunted=True, known=True)
ANSWER = Answer(
    since=SINCE,
    until=UNTIL,
    host="",
    held=(HELD,),
    progress=Progress(5000, 5000, 12, 1, UNTIL),
    whole=True,
    unparsed=0,
    rules=(RULE,),
    correlations=(),
)


def shown(**changes: Any) -> str:
    text = StringIO()
    Console(file=text, width=200).print(page(msgspec.structs.replace(ANSWER, **changes)))
    return text.getvalue()


def held(**changes: Any) -> Held:
    return msgspec.structs.replace(HELD, **changes)


def rule(**changes: Any) -> Matched:
    return msgspec.structs.replace(RULE, **changes)


def test_what_was_looked_at():
    text = shown()
    assert "Looked for 2026-11-01 00:00:00Z to 2026-11-21 00:00:00Z." in text
    assert "5,000 of 5,000 records were passed over, 12 of them had to be read." in text
    assert "not answered" not in text
    assert "ended early" not in text


def test_a_match_is_told_with_its_place_and_what_the_rule_asked_about():
    text = shown()
    assert "high: Who am I (r1): 1 match" in text
    for words in ("2026-11-02 00:00:00Z", "ews1", "evt_1 in hosts 7-1:4096", "CommandLine: whoami"):
        assert words in text


def test_what_lines_say_is_shown_as_visible_text():
    text = shown(host="a\x1b[2Jb")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_finding_of_a_correlation():
    text = shown(correlations=(OVER,), rules=(rule(asked=False),))
    assert "high: Often (c1): 1 finding" in text
    assert "plc1, plc2" in text
    assert "evt_1, evt_2, evt_3 and 1 more" in text
    assert "needed by a correlation" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"held": ()}, "The store holds nothing of that time that these rules are about"),
        ({"held": (held(hunted=False),)}, "The store holds nothing of that time that these rules are about"),
        ({"held": (held(begins=SINCE + 17 * DAY),)}, "Of hosts the store holds nothing before 2026-11-18 00:00:00Z"),
        ({"held": (held(begins=SINCE + 17 * DAY),)}, "the first 17 d are not answered"),
        ({"held": (held(ends=UNTIL - 2 * DAY),)}, "nothing after 2026-11-19 00:00:00Z: the last 2 d are not"),
        ({"held": (held(), held(source="old", known=False))}, "records of old, which your settings do not name"),
        ({"whole": False, "progress": Progress(1, 9, 1, 1, SINCE + DAY)}, "this is all until 2026-11-02 00:00:00Z"),
        (
            {"broken": {"Tercio failed on it: TypeError at x.py:1": 2}},
            "2 records are not looked at: Tercio failed on it",
        ),
        ({"unparsed": 3}, "3 lines matched, but no sensor understands them"),
        ({"host": "ews1"}, "2026-11-21 00:00:00Z of ews1."),
        ({"rules": (rule(count=7),)}, "7 matches, the first 1 below"),
        ({"rules": (rule(count=0, kept=()),)}, "Who am I (r1): nothing found"),
        ({"rules": (rule(count=0, kept=(), silent="no such source"),)}, "can't find anything here: no such source"),
        ({"rules": (rule(failed={"TooMuch": 2, "E": 1}),)}, "it failed on 3 lines (TooMuch)"),
    ],
)
def test_what_limits_the_answer_is_said(changes: dict[str, Any], words: str):
    assert words in shown(**changes)


def test_quiet_rules_are_counted_beyond_a_screen():
    quiet = tuple(rule(rule=f"q{number}", count=0, kept=()) for number in range(QUIET + 5))
    assert "and 5 rules more without a match" in shown(rules=quiet)
