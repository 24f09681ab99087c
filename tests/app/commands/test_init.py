import json
import subprocess
import sys
from pathlib import Path

import pytest

from tercio.app.assemble import content_of, site_of
from tercio.app.checkup import Weight
from tercio.app.cli import COMMANDS
from tercio.app.commands import init
from tercio.app.doctor import examine
from tercio.app.outset import may_start
from tercio.app.settings import load
from tercio.app.supervisor import own_file, prepare
from tercio.model.site import Autonomy
from tercio.model.sitecheck import Severity, check_site
from tests.app.given import Cli


@pytest.fixture
def begun(tmp_path: Path, cli: Cli) -> Path:
    done = cli("init", str(tmp_path / 'a "new" site'), "--json")
    assert done.returncode == 0
    written = json.loads(done.stdout)["written"]
    assert written == [str(tmp_path / 'a "new" site' / name) for name in init.FILES]
    return tmp_path / 'a "new" site'


def test_what_is_written_is_a_whole_site_in_shadow(begun: Path):
    settings = load(begun / "tercio.toml")
    assert [r for r in check_site(site_of(settings)) if r.severity == Severity.ERROR] == []
    assert {zone.autonomy for zone in content_of(settings).site.zones.values()} == {Autonomy.SHADOW}
    prepare(settings)
    may_start(settings)
    (hand,) = settings.hands
    assert hand.file is not None
    assert own_file(settings, hand, hand.file).name == "gateway"
    assert hand.file.stat().st_mode & 0o777 == 0o600


def test_what_is_said_in_comments_is_understood_too(begun: Path):
    """Every setting that is shown switched off can be switched on."""
    lines = (begun / "tercio.toml").read_text().splitlines()
    settings = ("[", "rules", "mandate", "from", "silent", "acts", "lease", "admins", "lane", "count", "sensor", "path")
    shown = tuple(f"# {name}" for name in settings)
    on = [line.removeprefix("# ") if line.startswith(shown) else line for line in lines]
    assert sum(one != other for one, other in zip(on, lines, strict=True)) == 16
    (begun / "tercio.toml").write_text("\n".join(on))
    assert load(begun / "tercio.toml").sources[0].lane == "first"
    assert load(begun / "tercio.toml").sources[1].sensor == "windows"
    assert load(begun / "tercio.toml").limits.acts_per_hour == 10
    assert load(begun / "tercio.toml").placeholders == {"admins": ("ann", "svc-*")}
    site = begun / "site.toml"
    site.write_text(site.read_text().replace("# none =", "none ="))
    assert site_of(load(begun / "tercio.toml")).processes["line1"].safety_signed


def test_the_doctor_finds_nothing_to_mend_but_the_sensor(begun: Path):
    wrong = [f for f in examine(begun / "tercio.toml") if f.weight == Weight.FAIL and not f.what.startswith("hand")]
    assert {f.what for f in wrong} <= {"source suricata"}


@pytest.mark.parametrize("name", list(init.FILES))
def test_nothing_is_overwritten(tmp_path: Path, cli: Cli, name: str):
    (tmp_path / name).write_text("mine")
    done = cli("init", str(tmp_path), "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"error": done.stderr.strip()})
    assert done.stderr == f"{tmp_path}/{name}: there already, so nothing was written; name another folder\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_that_can_be_none(tmp_path: Path, cli: Cli):
    (tmp_path / "file").write_text("")
    done = cli("init", str(tmp_path / "file" / "site"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "name a folder that this user may write" in done.stderr


def test_where_one_stands_and_what_comes_next(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "tercio", "init"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert {path.name for path in tmp_path.iterdir()} == set(init.FILES)
    assert f"  tercio doctor --settings {tmp_path}/tercio.toml\n" in done.stdout


def test_people_reach_it_by_its_word():
    assert COMMANDS["init"] is init.init
