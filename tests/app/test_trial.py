import json

import pytest

from tercio.app.trial import Trial
from tercio.brain.detect.sigma import compile_rules

RULE = """\
title: Failed
name: failed
level: informational
logsource: {product: windows, service: security}
detection:
  sel: {EventID: 4625}
  condition: sel
---
title: Many
name: many
correlation: {type: event_count, rules: failed, group-by: [User], timespan: 5m, condition: {gte: 2}}
"""


def record(number: int, user: str = "ann") -> bytes:
    body = {"Channel": "Security", "EventID": number, "@timestamp": "2026-11-24T08:00:00Z", "User": user}
    return json.dumps(body).encode() + b"\n"


TRIAL = Trial(compile_rules({"a.yml": RULE}))


def test_which_records_a_rule_matches() -> None:
    lines = (record(4624), record(4625), record(4625, "bob"))
    assert TRIAL.matched("one", "windows", lines) == {"failed": (1, 2)}
    assert TRIAL.matched("one", "windows", ()) == {"failed": (1, 2)}, "a recording is matched once"
    assert TRIAL.title("many") == "Many"


def test_what_only_others_build_on_is_told_as_well() -> None:
    lines = (record(4625), record(4625))
    assert TRIAL.reports("failed", "windows", lines)
    assert TRIAL.reports("many", "windows", lines)
    assert not TRIAL.reports("many", "windows", (record(4625), record(4625, "bob")))
    assert [finding.rule for finding in TRIAL.findings("windows", lines)] == ["many"]


def test_whose_lines_they_are() -> None:
    assert TRIAL.sensor_of("many", (record(4625),)) == "windows"
    with pytest.raises(ValueError, match="line 2 is no record of windows"):
        TRIAL.sensor_of("failed", (record(4625), b"nonsense\n"))
