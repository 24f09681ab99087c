import json

import pytest

from bench import recorded

RULE = """
title: Example
id: 5f7c5a6e-3f0a-4c1e-9a47-0c34c5a0a001
logsource: {product: windows, category: process_creation}
detection: {selection: {Image|endswith: '\\\\example.exe'}, condition: selection}
level: low
"""


def test_rules_are_compiled_once_for_the_same_texts(monkeypatch, tmp_path):
    monkeypatch.setattr(recorded, "KEPT", tmp_path / "kept")
    path = recorded.compiled({"a.yml": RULE})
    assert [rule.title for rule in recorded.read_compiled(path).rules.values()] == ["Example"]
    monkeypatch.setattr(recorded, "compile_rules", None)
    assert recorded.compiled({"a.yml": RULE}) == path
    with pytest.raises(TypeError):
        recorded.compiled({"a.yml": RULE.replace("low", "high")})


def test_no_value_comes_twice_but_what_routes():
    record = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "Image": "C:\\example.exe",
        "ProcessId": 7,
    }
    made = [json.loads(line) for line in recorded.never_alike([record, record], 40)]
    assert {(each["Channel"], each["EventID"]) for each in made} == {(record["Channel"], 1)}
    assert len({each["Image"] for each in made}) == len({each["ProcessId"] for each in made}) == len(made) == 40
    assert all(each["Image"].startswith("C:\\") and each["Image"].endswith(".exe") for each in made)


def test_only_process_starts_are_taken_for_the_worst_case():
    sysmon = "Microsoft-Windows-Sysmon/Operational"
    records = [
        {"Channel": sysmon, "EventID": 1, "ProcessGuid": "{1}"},
        {"Channel": sysmon, "EventID": 11, "ProcessGuid": "{1}"},
        {"Channel": "Application", "EventID": 1, "Message": "Sysmon ProcessGuid"},
    ]
    assert recorded.processes(json.dumps(each).encode() for each in records) == records[:1]


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(recorded, "RULES", tmp_path / "none.tar.xz")
    assert str(tmp_path / "none.tar.xz") in recorded.missing()
