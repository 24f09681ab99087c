import json
from pathlib import Path

from tercio.app.cli import COMMANDS
from tercio.app.commands import check
from tests.app.given import Cli, home


def test_the_doctor_says_all_in_one_object(tmp_path: Path, cli: Cli):
    settings = home(tmp_path, hand=True)
    done = cli("doctor", "--json", settings=settings)
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert (done.returncode, done.stderr) == (0, "")
    assert {"what", "weight", "words"} == set(found["findings"][0])
    (tmp_path / "eve.json").unlink()
    done = cli("doctor", "--json", settings=settings)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
    done = cli("doctor", settings=settings)
    assert done.returncode == 1
    assert "1 must be mended" in done.stdout


def test_the_doctor_works_without_any_settings(tmp_path: Path, cli: Cli):
    done = cli("doctor", settings=tmp_path / "none.toml")
    assert done.returncode == 1
    assert "nft delete table" in done.stdout
    assert "No such file" in done.stdout


def test_people_reach_these_commands_by_their_words():
    mine = {"doctor": check.doctor}
    assert mine.items() <= COMMANDS.items()
