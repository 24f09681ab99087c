from datetime import date

import pytest

from tercio.app.rulelint import Techniques, Weight, known_techniques, lint
from tercio.content import techniques_file
from tercio.model.events import LogSource

TODAY = date(2026, 11, 24)
ATTACK = Techniques("18.1", {"T1059.001": "PowerShell", "T0855": "Unauthorized Command Message"})
SOURCES = {"s": LogSource("p", ("kind",), {"c": (), "s": ()}, "tests")}
GOOD = """\
title: Good
name: good
level: low
falsepositives: [backups]
tags: [attack.t1059.001]
logsource: {product: p, service: s}
detection:
  sel_a: {f: x}
  sel_b: {f|expand: '%who%'}
  other: {g: y}
  condition: 1 of sel_* and not other
"""


def remarks(text: str) -> list[tuple[int, int, str, str]]:
    _, found = lint({"a.yml": text}, SOURCES, ATTACK, TODAY)
    assert all(remark.file == "a.yml" for remark in found)
    return [(remark.line, remark.column, str(remark.weight), remark.words) for remark in found]


def test_a_whole_rule_has_no_remarks() -> None:
    ruleset, found = lint({"a.yml": GOOD}, SOURCES, ATTACK, TODAY)
    assert found == ()
    assert list(ruleset.rules) == ["good"]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        (GOOD.replace("level: low\n", ""), 1, 1, "no level"),
        (GOOD.replace("falsepositives: [backups]\n", ""), 1, 1, "false positives"),
        (GOOD.replace("attack.t1059.001", "cve.2026.1"), 5, 1, "ATT&CK"),
        (GOOD.replace("t1059.001", "t1685.005"), 5, 1, "attack.t1685.005 is no technique of ATT&CK 18.1"),
        (GOOD.replace(" and not other", ""), 10, 3, "'other' is in no condition"),
        (GOOD.replace("product: p", "product: q"), 6, 1, "product 'q'"),
        (GOOD.replace("service: s", "service: t"), 6, 1, "no sensor gives t of p"),
        (GOOD.replace("service: s", "service: s, category: gone"), 6, 1, "gone and s"),
    ],
)
def test_what_is_missing_is_a_warning(text: str, line: int, column: int, words: str) -> None:
    ((at, place, weight, said),) = remarks(text)
    assert (at, place, weight) == (line, column, Weight.WARNING)
    assert words in said


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        (GOOD.replace("[backups]", "[backups"), 5, 5, "not YAML"),
        (GOOD.replace("{f: x}", "{f|shout: x}"), 7, 1, "shout"),
        (GOOD.replace("{f: x}", "{f|re: 'a(?=b)'}"), 7, 1, "linear time"),
        (GOOD.replace("level: low", "level: grave"), 3, 1, "grave"),
    ],
)
def test_what_is_wrong_is_an_error(text: str, line: int, column: int, words: str) -> None:
    errors = [found for found in remarks(text) if found[2] == Weight.ERROR]
    ((at, place, _, said),) = errors
    assert (at, place) == (line, column), said
    assert words in said


def test_them_uses_all_but_what_begins_with_an_underscore() -> None:
    text = GOOD.replace("  other", "  _other").replace("1 of sel_* and not other", "1 of them")
    assert [words for _, _, _, words in remarks(text)] == ["'_other' is in no condition; use it, or take it out"]


EXCEPTION = """\
---
title: F
name: f
author: ann
description: the backup does so at night
until: 2027-06-30
logsource: {product: p}
filter: {rules: [good], s: {u: agent}, condition: not s}
"""


def excepted(**changes: str) -> list[str]:
    """The remarks on the exception, with parts of it put otherwise."""
    text = EXCEPTION
    for old, new in changes.items():
        line = next(line for line in text.splitlines() if line.startswith(old))
        text = text.replace(line + "\n", new)
    return [words for _, _, weight, words in remarks(GOOD + text) if weight == Weight.WARNING]


def test_an_exception_needs_no_level_and_no_tags() -> None:
    assert excepted() == []
    unused = excepted(filter="filter: {rules: [good], s: {u: agent}, t: {u: others}, condition: not s}\n")
    assert unused == ["'t' is in no condition; use it, or take it out"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"author": ""}, "no owner"),
        ({"description": ""}, "no reason"),
        ({"until": ""}, "no end"),
        ({"until": "until: 2026-11-23\n"}, "it ended on 2026-11-23"),
        ({"filter": "filter: {rules: any, s: {u: agent}, condition: not s}\n"}, "every rule of its source"),
        ({"filter": "filter: {rules: [good], s: {u|contains: age}, condition: not s}\n"}, "found in nearly any u"),
        ({"filter": "filter: {rules: [good], s: {u: '*'}, condition: not s}\n"}, "stands for any u"),
        ({"filter": "filter: {rules: [good], s: {u|re: '.*'}, condition: not s}\n"}, "matches any u"),
        ({"filter": "filter: {rules: [good], s: [age], condition: not s}\n"}, "anywhere"),
    ],
)
def test_what_is_wrong_with_an_exception(changes: dict[str, str], words: str) -> None:
    (said,) = excepted(**changes)
    assert words in said


def test_an_exception_may_be_about_a_rule_that_is_not_looked_at() -> None:
    assert [found.words for found in lint({"f.yml": EXCEPTION}, SOURCES, ATTACK, TODAY, {"a.yml": GOOD})[1]] == []
    (lost,) = lint({"f.yml": EXCEPTION}, SOURCES, ATTACK, TODAY)[1]
    assert "there is no rule 'good'" in lost.words


def test_context_needs_neither_false_positives_nor_a_technique() -> None:
    text = GOOD.replace("level: low\nfalsepositives: [backups]\ntags: [attack.t1059.001]\n", "level: informational\n")
    assert remarks(text) == []


def test_nor_does_what_only_a_correlation_builds_on() -> None:
    base = GOOD.replace("falsepositives: [backups]\ntags: [attack.t1059.001]\n", "")
    head = "title: M\nname: m\nlevel: low\nfalsepositives: [x]\ntags: [attack.t1059.001]\n"
    many = head + "correlation: {type: event_count, rules: good, group-by: [f], timespan: 5m, condition: {gte: 2}}\n"
    assert len(remarks(base)) == 2
    assert remarks(f"{base}---\n{many}") == []


def test_the_techniques_that_we_bring_along() -> None:
    known = known_techniques(techniques_file().read_bytes())
    assert known.names["T1059.001"] == "PowerShell"
    assert known.names["T0855"] == "Unauthorized Command Message"
    assert known.version
