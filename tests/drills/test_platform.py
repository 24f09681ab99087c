import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tercio.app.assemble import content_of
from tercio.app.settings import load
from tercio.drills.platform import CAPABILITIES, Platform, write_settings
from tercio.drills.range.range import Range, RangeError
from tercio.products.sensors import SENSORS
from tercio.store.state import State
from tests.products.field import Namespace
from tests.store.made import ORIGIN, turn


def written(folder: Path, changes=None) -> Path:
    write_settings(folder, Range(folder / "range"), changes or {})
    return folder


def test_the_settings_are_a_sites_own(tmp_path: Path):
    settings = load(written(tmp_path) / "tercio.toml")
    content = content_of(settings)
    assert set(content.sensors) == {"suricata-ot"}
    assert content.sensors["suricata-ot"] == SENSORS["suricata"]
    (hand,) = settings.hands
    assert hand.start[:2] == ("nsenter", "--net=/run/netns/gw")
    assert set(CAPABILITIES) <= set(hand.start)
    assert hand.start[-1] == "--no-new-privs"
    assert tomllib.loads((tmp_path / "gateway.toml").read_text())["socket"] == str(hand.socket)
    assert all(
        (tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in ("tercio.toml", "gateway.toml", "site.toml")
    )


@pytest.mark.parametrize("name", ['a "quoted" folder', "back\\slash", "ünï"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str):
    folder = written(tmp_path / name)
    assert load(folder / "tercio.toml").sources[0].path.name
    assert tomllib.loads((folder / "gateway.toml").read_text())["socket"] == f"{folder}/run/gateway.sock"


def test_a_drill_may_change_a_piece_of_text_that_is_there(tmp_path: Path):
    written(tmp_path, {"tercio.toml": {'lease = "6s"': 'lease = "3s"'}})
    assert 'lease = "3s"' in (tmp_path / "tercio.toml").read_text()
    with pytest.raises(ValueError, match=r"site\.toml has no 'no such text' to change"):
        written(tmp_path, {"site.toml": {"no such text": "x"}})


def test_a_platform_that_cannot_start_says_why(tmp_path: Path):
    platform = Platform(
        tmp_path, Range(tmp_path / "range"), {"tercio.toml": {'sensor = "suricata"': 'sensor = "zeek"'}}
    )
    try:
        with pytest.raises(RangeError, match=r"tercio\.toml:\d+: sources\.suricata-ot\.sensor is 'zeek'"):
            platform.ready()
        assert platform.process.wait() == 78
    finally:
        platform.stop()


def test_the_journal_is_followed_from_where_one_was(tmp_path: Path):
    platform = Platform(
        tmp_path, Range(tmp_path / "range"), {"tercio.toml": {'sensor = "suricata"': 'sensor = "zeek"'}}
    )
    platform.process.wait()
    assert list(platform.news()) == [], "there is no state yet"
    with State.open(platform.state, origin=ORIGIN) as store:
        store.commit(turn(1))
        first = list(platform.news())
        assert [entry.kind for entry in first] == ["finding", "incident", "command", "effect"]
        assert list(platform.news()) == []
        store.commit(turn(2))
        assert [entry.seq for entry in platform.news()] == [5, 6, 7, 8]


def test_it_comes_up_speaks_and_goes(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("needs root: starts a hand in a network namespace")
    space = Namespace()
    (tmp_path / "eve.json").touch()
    changes = {
        "tercio.toml": {"@START@": f"nsenter --net=/proc/{space.pid}/ns/net", "@EVE@": str(tmp_path / "eve.json")}
    }
    platform = Platform(tmp_path, Range(tmp_path / "range"), changes)
    try:
        platform.ready()
        done = platform.tercio("window", "open", "ews1", "plc1", "--json")
        assert json.loads(done.stdout)["ok"] is True
        assert "word" in {entry.kind for entry in platform.news()}
    finally:
        platform.stop()
        space.end()
    assert platform.process.returncode == 0
    assert not (platform.state / "loop.sock").exists()
    platform.stop()


def test_its_processes_are_told_from_those_of_others(tmp_path: Path):
    code = "import sys; print(flush=True); sys.stdin.read()"
    parts = {"up": "up", "loop": "loop", "hand": "tercio.products.hand"}
    platform = Platform.__new__(Platform)
    platform.folder = tmp_path / "mine"
    started = []
    try:
        for folder in ("mine", "mine too"):
            for word in parts.values():
                argv = [sys.executable, "-c", code, word, f"{tmp_path / folder}/tercio.toml"]
                started.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
                assert started[-1].stdout.readline()
        assert platform.parts() == {name: process.pid for name, process in zip(parts, started, strict=False)}
    finally:
        for process in started:
            process.communicate()
