import json
from pathlib import Path

from tercio.app.cli import COMMANDS
from tercio.app.commands import status
from tercio.app.settings import Settings
from tests.app.given import Cli, home


def test_one_look_as_a_page_and_as_an_object(running: Settings, cli: Cli):
    done = cli("status", "--json", settings=running.file)
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["loop"]["ok"]) == (1, False, True), "no hand runs there"
    assert {zone["name"] for zone in found["zones"]} == {"office", "dmz", "ot"}
    page = cli("status", settings=running.file)
    assert page.returncode == 1
    assert "it listens at" in page.stdout


def test_a_site_that_cannot_be_read_is_an_error(tmp_path: Path, cli: Cli):
    settings = home(tmp_path)
    (tmp_path / "site.toml").unlink()
    done = cli("status", "--json", settings=settings)
    assert (done.returncode, json.loads(done.stdout)) == (78, {"error": done.stderr.strip()})


def test_people_reach_it_by_its_word():
    assert COMMANDS["status"] is status.status
