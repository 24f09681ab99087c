import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tercio.app.corpus import Corpus
from tercio.app.rulecases import try_cases
from tercio.app.trial import Trial
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


def tried(folder: Path, corpus: Corpus | None = None) -> Any:
    texts = {str(path): path.read_text() for path in folder.glob("*.yml")}
    ruleset = compile_rules(texts)
    names = {path: [text.split("name: ")[1].split("\n")[0]] for path, text in texts.items()}
    return try_cases(Trial(ruleset), names, corpus)


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


REFERENCES = """\
[[positive]]
file = "all.tar.xz/all/a.json"
records = {records}
shows = "somebody fails twice"

[[negative]]
file = "all.tar.xz/all/a.json"
records = [1]
shows = "somebody gets in"
"""


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    (folder / "all").mkdir(parents=True)
    (folder / "all" / "a.json").write_text(record(4624, 1) + record(4625, 2) + record(4625, 3))
    with tarfile.open(folder / "all.tar.xz", "w:xz") as archive:
        archive.add(folder / "all", "all")
    return folder


def referred(folder: Path, records: str, recordings: Path | None, rule: str = RULE) -> Any:
    folder = folder / "rule"
    folder.mkdir()
    (folder / "rule.yml").write_text(rule)
    (folder / "corpus.toml").write_text(REFERENCES.replace("{records}", records))
    if recordings is None:
        return tried(folder)
    with Corpus(recordings) as corpus:
        return tried(folder, corpus)


def test_a_case_in_recordings_of_others(tmp_path: Path, recordings: Path) -> None:
    found = referred(tmp_path, "[2, 3]", recordings)
    assert [(case.positive, case.fault, case.skipped) for case in found.cases] == [(True, "", ""), (False, "", "")]
    assert found.untested == {}


@pytest.mark.parametrize(
    ("records", "fault"),
    [("[2]", "should match records [2], and matches [2, 3]"), ("[2, 9]", "should match records [2, 9]")],
)
def test_just_the_records_that_are_named_match(tmp_path: Path, recordings: Path, records: str, fault: str) -> None:
    assert fault in referred(tmp_path, records, recordings).cases[0].fault


def test_a_negative_case_that_matches(tmp_path: Path, recordings: Path) -> None:
    found = referred(tmp_path, "[1]", recordings, RULE.replace("4625", "4624"))
    assert [case.fault for case in found.cases] == ["", "it matches records [1], and should not"]


def test_a_correlation_over_the_records_that_are_named(tmp_path: Path, recordings: Path) -> None:
    both = RULE + "---\n" + MANY
    folder = tmp_path / "rule"
    folder.mkdir()
    (folder / "rule.yml").write_text(both)
    (folder / "corpus.toml").write_text(REFERENCES.replace("{records}", "[2, 3]"))
    with Corpus(recordings) as corpus:
        found = try_cases(Trial(compile_rules({"rule.yml": both})), {str(folder / "rule.yml"): ["many"]}, corpus)
    assert [case.fault for case in found.cases] == ["", ""]


def test_without_the_recordings_a_case_is_skipped_and_counts(tmp_path: Path) -> None:
    found = referred(tmp_path, "[2, 3]", None)
    assert {case.fault for case in found.cases} == {""}
    assert all("--corpus" in case.skipped for case in found.cases)
    assert found.untested == {}


def test_references_that_can_not_be_read(tmp_path: Path, recordings: Path) -> None:
    (case,) = referred(tmp_path, "'all'", recordings).cases
    assert "can't be read" in case.fault


def test_a_recording_that_is_not_there_is_skipped(tmp_path: Path, recordings: Path) -> None:
    (recordings / "all.tar.xz").unlink()
    assert all("has no all.tar.xz" in case.skipped for case in referred(tmp_path, "[2, 3]", recordings).cases)
