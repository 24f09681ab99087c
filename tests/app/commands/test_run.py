"""The commands that run something, as processes: they hold signals and sockets."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tercio.app.cli import COMMANDS
from tercio.app.commands import run
from tercio.app.settings import load
from tercio.app.supervisor import prepare
from tests.app.given import TOML, Cli, changed, home, tercio
from tests.products.field import Namespace


def until(holds: Callable[[], object], what: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


class Up:
    """``tercio up --json`` as a process."""

    def __init__(self, settings: Path) -> None:
        self.log = settings.parent / "log"
        argv = [sys.executable, "-m", "tercio", "up", "--json", "--settings", str(settings)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True)

    def said(self) -> str:
        return self.log.read_text()

    def children(self) -> dict[str, int]:
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    line = stat.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found["hand" if "products.hand" in line else "loop"] = int(stat.parent.name)
            except OSError:
                continue
        return found

    def end(self, number: int = signal.SIGTERM) -> tuple[int, dict]:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=90)
        return self.process.returncode, json.loads(out) if out else {}

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def up(request: pytest.FixtureRequest, tmp_path: Path):
    request.getfixturevalue("as_root")
    space = Namespace()
    text = changed("[hands.gateway]", f'[hands.gateway]\nstart = "nsenter --net=/proc/{space.pid}/ns/net"')
    settings = home(tmp_path, text, hand=True)
    started = Up(settings)
    try:
        until(lambda: "without Tercio" in started.said(), started.said)
        yield started
    finally:
        started.kill()
        space.end()


def test_it_starts_both_and_says_how_it_ended(up: Up):
    assert set(up.children()) == {"hand", "loop"}
    status, ended = up.end()
    assert (status, ended) == (0, {"status": 0, "starts": {"hand gateway": 1, "loop": 1}, "error": ""})
    assert up.children() == {}


def test_a_killed_loop_comes_back_and_the_hand_stays(up: Up):
    before = up.children()
    os.kill(before["loop"], signal.SIGKILL)
    until(lambda: up.said().count("without Tercio") == 2, up.said)
    after = up.children()
    assert after["loop"] != before["loop"]
    assert after["hand"] == before["hand"]
    assert "loop ended (killed by signal 9); starting it again in 0.2 s" in up.said()
    assert up.end(signal.SIGINT) == (0, {"status": 0, "starts": {"hand gateway": 1, "loop": 2}, "error": ""})


def test_nobody_outlives_a_supervisor_that_was_killed(up: Up):
    left = up.children()
    assert len(left) == 2
    up.process.kill()
    until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in left.values()))


def test_wrong_settings_start_nothing(tmp_path: Path):
    settings = home(tmp_path, hand=True)
    (tmp_path / "gateway.toml").unlink()
    done = tercio("up", "--json", settings=settings)
    assert (done.returncode, json.loads(done.stdout)) == (78, {"error": done.stderr.strip()})
    assert done.stderr.count("\n") == 1
    assert "cannot read" in done.stderr


def test_a_second_platform_on_one_state_starts_nothing(tmp_path: Path):
    """Its hands would take the places of those that the first one's loop orders."""
    from tercio.store.state import State

    settings = load(home(tmp_path))
    prepare(settings)
    with State.open(settings.state, origin="tercio/test"):
        done = tercio("up", "--json", settings=settings.file)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert f"is written by process {os.getpid()}, and a state has one writer" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_rule_that_is_not_used_is_said_at_the_start_and_the_loop_runs(tmp_path: Path):
    text = changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]', TOML)
    settings = home(tmp_path, text)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "f.yml").write_text("title: Odd\nid: [\n")
    started = Up(settings)
    try:
        until((tmp_path / "state" / "loop.sock").exists, started.said)
        assert f"{tmp_path}/own/f.yml:3: this rule is not used: column 1: not YAML" in started.said()
        assert "rules are live; 1 can't be used; `tercio doctor` lists them" in started.said()
        assert started.end()[0] == 0
    finally:
        started.kill()


def test_many_rules_are_read_and_counted_while_people_wait(tmp_path: Path):
    """Ten thousand, of which some are broken: the others run, and one line says how many do not."""
    text = changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]', TOML)
    settings = home(tmp_path, text)
    (tmp_path / "own").mkdir()
    levels = ["medium" if number % 100 else "nonsense" for number in range(10_000)]
    (tmp_path / "own" / "many.yml").write_text(
        "---\n".join(MANY.format(number=number, level=level) for number, level in enumerate(levels))
    )
    started = Up(settings)
    try:
        until((tmp_path / "state" / "loop.sock").exists, started.said)
        said = started.said()
        assert "500 rules are read" in said
        assert "9,500 rules are read" in said
        assert len([line for line in said.splitlines() if "this rule is not used" in line]) == 3
        assert re.search(r"([\d,]+) of ([\d,]+) rules are live; 100 can't be used; `tercio doctor` lists them", said)
        assert started.end()[0] == 0
    finally:
        started.kill()


MANY = """title: Rule {number}
id: 00000000-0000-4000-8000-{number:012x}
logsource: {{product: suricata, service: alert}}
detection: {{it: {{alert.signature|contains: "attack {number}"}}, condition: it}}
level: {level}
"""


def test_a_hand_with_a_wrong_file_says_so(tmp_path: Path):
    (tmp_path / "hand.toml").write_text("name = 7\n")
    done = tercio("hand", "gateway", "--file", str(tmp_path / "hand.toml"), "--json")
    assert done.returncode == 78
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}
    assert "hand.toml:1" in done.stderr


def test_a_hand_without_its_file_says_so(tmp_path: Path):
    done = tercio("hand", "gateway", "--file", str(tmp_path / "nowhere"), "--json")
    assert done.returncode == 78
    assert "correct the path" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("acts", ["", ",", "dance", "sweep,dance"])
def test_an_intruder_does_only_what_he_can(cli: Cli, acts: str):
    done = cli("demo", "--json", "--intrude", acts)
    assert (done.returncode, json.loads(done.stdout)) == (2, {"error": done.stderr.strip()})
    assert done.stderr == f"--intrude takes sweep, write, or both as sweep,write; not {acts!r}\n"


def test_people_reach_these_commands_by_their_words():
    mine = {"demo": run.demo, "up": run.up, "hand": run.hand}
    assert mine.items() <= COMMANDS.items()
