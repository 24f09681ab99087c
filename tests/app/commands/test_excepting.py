import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tercio.app.assemble import content_of
from tercio.app.cli import build
from tercio.app.commands.excepting import rules_except
from tercio.app.exceptions import exceptions_in
from tercio.app.settings import load
from tests.app.given import attacked, changed, home

WRITE = "c4f6a0d8-2e17-4b3a-9d88-7a5b1e0f6e24"
RULES = changed('site = "site.toml"', 'site = "site.toml"\nrules = ["rules"]')


def tercio(*words: str) -> Result:
    return CliRunner().invoke(build(), ["rules", *words])


def told(*words: str, status: int = 0) -> Any:
    result = tercio("except", *words, "--json")
    assert result.exit_code == status, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return home(tmp_path)


def test_it_shows_what_it_would_hide_and_writes_nothing(settings: Path) -> None:
    assert "recorded attacks" in (rules_except.__doc__ or "")
    found = told("modbus-write", "--where", "src_ip=10.77.20.66", "--settings", str(settings))
    assert not found["written"]
    assert not Path(found["file"]).exists()
    names = [each["name"] for each in found["verdict"]["hidden"]]
    assert "modbus-write/positive.ndjson" in names
    (hidden,) = (each for each in found["verdict"]["hidden"] if each["name"] == "modbus-write/positive.ndjson")
    assert (hidden["silenced"], hidden["techniques"]) == (["Modbus write"], ["T0855"])
    page = tercio("except", WRITE, "--where", "src_ip=10.77.20.66", "--settings", str(settings)).output
    assert "case modbus-write/positive.ndjson: 1 of 1 hidden; no longer told: Modbus write" in page
    assert "--corpus" in page


def test_what_hides_a_recorded_attack_is_written_only_where_people_insist(settings: Path) -> None:
    words = ["modbus-write", "--where", "src_ip=10.77.20.66", "--settings", str(settings), "--write", "--reason", "x"]
    refused = told(*words, status=1)
    assert not refused["ok"]
    assert not Path(refused["file"]).exists()
    written = told(*words, "--yes")
    assert Path(written["file"]).read_text() == written["text"]


def test_an_exception_that_was_written_holds(tmp_path: Path) -> None:
    settings = home(tmp_path, RULES)
    where = ["--where", "src_ip=10.77.20.67", "--where", "dest_ip=10.77.30.21"]
    found = told("modbus-write", *where, "--settings", str(settings), "--write", "--reason", "the recipe server")
    (excepted,) = exceptions_in({"f.yml": found["text"]})
    assert excepted.where == ("src_ip: 10.77.20.67; dest_ip: 10.77.30.21",)
    content = content_of(load(settings))
    assert content.rules.rejected == ()
    assert content.rules.rules[WRITE].version != content_of(load(home(tmp_path / "bare"))).rules.rules[WRITE].version
    assert "0 errors, 0 warnings" in tercio("lint", str(tmp_path / "rules")).output
    page = json.loads(tercio("coverage", "--settings", str(settings), "--json").stdout)
    assert [each["reason"] for each in page["exceptions"]] == ["the recipe server"]
    assert "the recipe server" in tercio("coverage", "--settings", str(settings)).output


def test_one_that_has_ended_holds_no_longer(tmp_path: Path) -> None:
    settings = home(tmp_path, RULES)
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    words = ["--settings", str(settings), "--write", "--reason", "x", "--until", yesterday]
    told("modbus-write", "--where", "src_ip=10.77.20.67", *words)
    content = content_of(load(settings))
    assert [each.reason for each in content.rules.rejected] == [f"this exception ended on {yesterday}"]
    assert "it ended on" in tercio("lint", str(tmp_path / "rules")).output
    assert "(ended)" in tercio("coverage", "--settings", str(settings)).output


def test_what_our_own_incidents_cite_is_among_it(tmp_path: Path) -> None:
    settings, desk = attacked(tmp_path)
    found = told("modbus-write", "--where", "proto=TCP", "--settings", str(settings.file))
    kinds = {each["kind"]: each["name"] for each in found["verdict"]["hidden"]}
    assert kinds["incident"] in desk.state.incidents


def test_recordings_of_others_are_among_it(tmp_path: Path, settings: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    line = {"Channel": "Security", "EventID": 1102, "@timestamp": "2026-11-24T08:00:00Z", "Computer": "pc1"}
    (folder / "cleared.json").write_text(json.dumps(line) + "\n")
    words = ["security-log-cleared", "--where", "Computer=pc1", "--settings", str(settings), "--corpus", str(folder)]
    assert [each["name"] for each in told(*words)["verdict"]["hidden"]] == ["cleared.json"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["modbus-wirte", "--where", "a=b"], "did you mean 'modbus-write'"),
        (["port-sweep", "--where", "src_ip=10.0.0.1"], "name one of those that it builds on"),
        (["modbus-write", "--where", "src_ip"], "is not FIELD=VALUE"),
        (["modbus-write", "--where", "a=b", "--until", "soon"], "is no day"),
        (["modbus-write", "--where", "a=b", "--write"], "--reason"),
        (["modbus-write", "--where", "a|shout=b"], "shout"),
        (["modbus-write", "--where", "a=b", "--corpus", "nowhere"], "no such folder"),
    ],
)
def test_what_can_not_be_done_is_said(settings: Path, words: list[str], reason: str) -> None:
    result = tercio("except", *words, "--settings", str(settings))
    assert result.exit_code != 0
    assert reason in str(result.exception) + result.output
