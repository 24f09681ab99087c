import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tercio.app.cli import COMMANDS
from tercio.app.commands import site
from tests.app.given import TOML, Cli, changed, home
from tests.model.sites import GOOD, broken


def at(folder: Path, text: str, toml: str = TOML) -> Path:
    settings = home(folder, toml)
    (folder / "site.toml").write_text(text)
    return settings


def test_a_sound_site_is_said_in_words_and_left_alone(tmp_path: Path, cli: Cli):
    done = cli("site", "check", settings=at(tmp_path, GOOD))
    assert (done.returncode, done.stderr) == (0, "")
    assert "So one stop costs EUR 225,000" in done.stdout
    assert done.stdout.endswith("\nPlant 7: nothing to remark.\n")


def test_an_error_ends_with_status_1_and_says_what_follows(tmp_path: Path, cli: Cli):
    settings = at(tmp_path, broken('safety = "sis1"\n', ""))
    done = cli("site", "check", settings=settings)
    assert done.returncode == 1
    assert "Its safety function" not in done.stdout
    assert "While an error stands, the whole site stays in shadow" in done.stdout
    found = json.loads(cli("site", "check", "--json", settings=settings).stdout)
    assert (found["site"], found["ok"]) == ("Plant 7", False)
    assert [(r["severity"], r["place"]) for r in found["remarks"]] == [("error", "processes.filling")]
    assert found["meaning"][0] == "Plant 7 has office, dmz and ot and 7 assets."
    assert "by itself" not in done.stdout, "what is forced to shadow is not said to act"


def test_the_hands_of_the_settings_count(tmp_path: Path, cli: Cli):
    settings = at(tmp_path, GOOD, changed('["office", "dmz", "ot"]', '["dmz", "ot"]'))
    done = cli("site", "check", "--json", settings=settings)
    assert done.returncode == 0, "a warning is no error"
    assert [r["place"] for r in json.loads(done.stdout)["remarks"]] == ["zones.office"]


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path, cli: Cli):
    text = broken('role = "scanner"', "rolle = 1").replace('zone = "office"', 'zone = "ofice"')
    settings = at(tmp_path, text.replace("level = 3.5", 'level = "3.5"'))
    done = cli("site", "check", settings=settings)
    assert done.returncode == 78
    assert [line.split(": ")[0].rpartition(":")[2] for line in done.stderr.splitlines()] == ["9", "17", "20", "23"]


@pytest.mark.parametrize("words", [(), ("--svg",), ("--json",), ("--svg", "--json")])
def test_the_site_is_drawn(tmp_path: Path, cli: Cli, words: tuple[str, ...]):
    done = cli("site", "show", *words, settings=at(tmp_path, GOOD))
    assert (done.returncode, done.stderr) == (0, "")
    if words == ("--svg",):
        assert ET.fromstring(done.stdout).tag.endswith("svg")  # noqa: S314 (our own)
    elif words:
        found = json.loads(done.stdout)
        assert found["site"]["name"] == "Plant 7"
        assert ("svg" in found) is ("--svg" in words)
    else:
        assert "historian -> plc1 tcp/1502, through the conduit dmz -> ot" in done.stdout


def test_people_reach_these_commands_by_their_words():
    assert {"site check": site.site_check, "site show": site.site_show}.items() <= COMMANDS.items()


def test_what_suricata_needs_is_written_for_this_site_and_written_again(tmp_path: Path, cli: Cli):
    settings = at(tmp_path, GOOD)
    for text in (GOOD, broken("10.77.30.0/24", "10.78.30.0/24").replace("10.77.30.", "10.78.30.")):
        (tmp_path / "site.toml").write_text(text)
        done = cli("site", "suricata", "--json", settings=settings)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == {"written": [f"{tmp_path}/tercio-suricata.yaml", f"{tmp_path}/tercio.rules"]}
        assert f"{'10.77' if text is GOOD else '10.78'}.30.0/24" in (tmp_path / "tercio-suricata.yaml").read_text()
    (tmp_path / "tercio.rules").unlink()
    (tmp_path / "tercio.rules").mkdir()
    done = cli("site", "suricata", "--json", settings=settings)
    assert (done.returncode, "write as a user who may" in json.loads(done.stdout)["error"]) == (1, True)
