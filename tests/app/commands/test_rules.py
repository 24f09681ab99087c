import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tercio.app.cli import build
from tercio.app.commands import rules
from tests.app.given import TOML, home

RULE = """\
title: Somebody fails
name: fails
level: low
falsepositives: [people]
tags: [attack.t1110]
logsource: {product: windows, service: security}
detection:
  it: {EventID: 4625}
  condition: it
"""


def tercio(*words: str, status: int = 0) -> Any:
    result = CliRunner().invoke(build(), words, standalone_mode=True)
    assert result.exit_code == status, (result.output, result.exception)
    return json.loads(result.stdout) if "--json" in words else result.stdout


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "fails.yml").write_text(RULE)
    return folder


def test_coverage_of_the_settings(tmp_path: Path) -> None:
    settings = home(tmp_path, TOML)
    found = tercio("rules", "coverage", "--settings", str(settings), "--json")
    assert found["live"] + len(found["unrouted"]) == found["rules"] > found["live"] > 0
    assert all("no source" in each["reason"] for each in found["unrouted"]), "what is for hosts has no source here"
    assert set(found["sources"]) == {"ot"}
    assert found["techniques"]["T0846"]["live"] > 0
    assert "rules are live" in tercio("rules", "coverage", "--settings", str(settings))


def test_coverage_of_a_folder(own: Path) -> None:
    (own / "gone.yml").write_text(RULE.replace("fails", "gone").replace("windows", "toaster"))
    found = tercio("rules", "coverage", str(own), "--json")
    assert (found["rules"], found["live"]) == (2, 1)
    assert found["unrouted"][0]["reason"] == "no source of product toaster"
    assert "no source of product toaster" in tercio("rules", "coverage", str(own))


def test_lint(own: Path) -> None:
    assert "1 rules in 1 files: 0 errors, 0 warnings" in tercio("rules", "lint", str(own))
    (own / "bad.yml").write_text(RULE.replace("condition: it", "condition: that").replace("fails", "bad"))
    found = tercio("rules", "lint", str(own), "--json", status=1)
    assert not found["ok"]
    assert {remark["weight"] for remark in found["remarks"]} == {"error", "warning"}
    assert "bad.yml:7:1: error: " in tercio("rules", "lint", str(own / "bad.yml"), status=1)


def test_cases(own: Path) -> None:
    assert not tercio("rules", "test", str(own), "--json", status=1)["ok"], "nothing was tried"
    line = '{"Channel":"Security","EventID":%d,"@timestamp":"2026-11-24T08:00:00Z"}\n'
    (own / "positive.ndjson").write_text(line % 4625)
    (own / "negative.ndjson").write_text(line % 4624)
    assert "2 of 2 cases held; 0 rules lack some" in tercio("rules", "test", str(own))
    (own / "negative.ndjson").write_text(line % 4625)
    assert "it matches, and should not" in tercio("rules", "test", str(own), status=1)


def test_our_own_rules_hold_their_cases() -> None:
    from tercio.content import suricata_rules

    found = tercio("rules", "test", str(suricata_rules().parent.parent / "rules"), "--json")
    assert found["ok"]
    assert not found["untested"]


def test_update_dry_run_and_undo(tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    into = tmp_path / "rules" / "sigma"
    found = tercio("rules", "update", str(own), "--dry-run", "--json")
    assert (found["rules"], found["installed"], into.exists()) == (1, False, False)
    assert "no licence text" in tercio("rules", "update", str(own))
    assert (into / "fails.yml").read_text() == RULE
    (own / "fails.yml").write_text(RULE.replace("4625", "4771"))
    assert "changed  fails.yml: Somebody fails" in tercio("rules", "update", str(own))
    tercio("rules", "update", "--undo")
    assert (into / "fails.yml").read_text() == RULE


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["lint", "gone"], "no Sigma rules"),
        (["update", "gone"], "gone"),
        (["update"], "name the release"),
        (["update", "--undo"], "nothing to go back to"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(build(), ["rules", *words])
    assert result.exit_code != 0
    assert reason in str(result.exception) + result.output


def test_files_of_the_users_own_are_not_taken_away(tmp_path: Path, own: Path) -> None:
    into = tmp_path / "into"
    tercio("rules", "update", str(own), "--into", str(into), "--json")
    (into / "mine.yml").write_text(RULE)
    result = CliRunner().invoke(build(), ["rules", "update", str(own), "--into", str(into)])
    assert "files of yours (mine.yml)" in str(result.exception)
    assert (into / "mine.yml").exists()


def test_long_lists_are_cut_on_a_screen() -> None:
    assert rules._few([str(n) for n in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"
