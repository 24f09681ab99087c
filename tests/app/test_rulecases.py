import json
from pathlib import Path
from typing import Any

import pytest

from tercio.app.rulecases import try_cases
from tercio.brain.detect.sigma import compile_rules

RULE = """\
title: T
name: t
logsource: {product: windows, service: security}
detection:
  sel: {EventID: 4625}
  condition: sel
"""
MANY = """\
title: Many
name: many
correlation: {type: event_count, rules: t, group-by: [User], timespan: 5m, condition: {gte: 2}}
"""


def record(number: int, second: int, **more: Any) -> str:
    time = f"2026-11-24T08:00:{second:02}Z"
    return json.dumps({"Channel": "Security", "EventID": number, "@timestamp": time, "User": "ann", **more}) + "\n"


def tried(folder: Path) -> Any:
    texts = {str(path): path.read_text() for path in folder.glob("*.yml")}
    ruleset = compile_rules(texts)
    names = {path: [text.split("name: ")[1].split("\n")[0]] for path, text in texts.items()}
    return try_cases(ruleset, names)


def test_cases_of_a_rule_and_of_a_correlation(tmp_path: Path) -> None:
    (tmp_path / "t.yml").write_text(RULE)
    (tmp_path / "many.yml").write_text(MANY)
    (tmp_path / "t.positive.ndjson").write_text(record(4625, 1))
    (tmp_path / "t.negative.ndjson").write_text(record(4624, 1))
    (tmp_path / "t.negative-too.ndjson").write_text(record(4625, 1))
    (tmp_path / "many.positive.ndjson").write_text(record(4625, 1) + record(4625, 2))
    found = tried(tmp_path)
    said = {(case.rule, Path(case.file).name): case.fault for case in found.cases}
    assert said == {
        ("t", "t.positive.ndjson"): "",
        ("t", "t.negative.ndjson"): "",
        ("t", "t.negative-too.ndjson"): "it matches, and should not",
        ("many", "many.positive.ndjson"): "",
    }
    assert list(found.untested) == ["many"]
    (tmp_path / "many.negative.ndjson").write_text(record(4625, 1) + record(4625, 2, User="bob"))
    assert not tried(tmp_path).untested


def test_a_rule_that_is_alone_needs_no_name_in_its_cases(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE)
    beat = json.dumps({"@timestamp": "2026-11-24T08:00:00Z", "winlog": {"channel": "Security", "event_id": 4625}})
    (tmp_path / "positive.ndjson").write_text(beat + "\n")
    (tmp_path / "negative.ndjson").write_text(record(4634, 1))
    found = tried(tmp_path)
    assert [case.fault for case in found.cases] == ["", ""]
    assert found.untested == {}


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("", "it has no lines"),
        ("nonsense\n", "line 1 is no record of windows"),
        (record(4624, 1), "it should match, and does not"),
    ],
)
def test_a_case_that_does_not_hold_says_why(tmp_path: Path, lines: str, fault: str) -> None:
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "positive.ndjson").write_text(lines)
    (case,) = tried(tmp_path).cases
    assert fault in case.fault


def test_what_no_sensor_reads_is_said(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE.replace("windows", "toaster"))
    (tmp_path / "positive.ndjson").write_text(record(4625, 1))
    (case,) = tried(tmp_path).cases
    assert case.fault == "no sensor reads toaster"
