import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tercio.drills.exercise import Follower, Plan, Pulse, pulse
from tercio.drills.lookalikes import EVERYDAY
from tercio.drills.range.range import Range
from tercio.drills.range.suricata import missing
from tercio.drills.range.traces import Line, Polls, Started, Trace
from tercio.model.commands import EffectState
from tercio.store.reader import Entry
from tests.drills.unprivileged import reason, unprivileged
from tests.loop.given import Desk

EXERCISE = """
import os, sys
from pathlib import Path
from tercio.drills.range.sandbox import wrap
if sys.argv[2:] != ["inside"]:
    words = wrap([sys.executable, "-P", "-c", sys.orig_argv[-2], sys.argv[1], "inside"])
    os.execvp(words[0], words)
import msgspec
from tercio.drills.exercise import Plan, conduct
told = []
quick = {'lease = "6s"': 'lease = "3s"', 'quiet_least = "7s"': 'quiet_least = "3s"',
         'quiet_most = "10s"': 'quiet_most = "4s"', 'belief_half_life = "5s"': 'belief_half_life = "2s"'}
board = conduct(Path(sys.argv[1]), Plan(acts=("write",), healthy=1.0, intrusion=4.0, after=6.0, pulse=1.0),
                lambda stage, text: told.append((stage, text)), lambda entry: told.append((entry.kind, entry.subject)),
                changes={"tercio.toml": quick})
users = Path("/proc/self/uid_map").read_text().split()
sys.stdout.write(msgspec.json.encode({"board": board, "told": told, "users": users}).decode())
"""


@pytest.fixture(scope="module")
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A drill whose intruder writes at once, without a sweep that would give him away before; played as a user without
    any privilege, where the kernel lets him."""
    request.getfixturevalue("sandboxed")
    if lacks := missing():
        pytest.skip(lacks)
    with unprivileged() as user:
        if refused := reason(user):
            folder = tmp_path_factory.mktemp("exercise")
            argv = [sys.executable, "-c", EXERCISE, str(folder)]
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180)
        else:
            done = user.run("-c", EXERCISE, str(user.home / "exercise"), seconds=180)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "refused": refused}


def test_no_part_of_it_needs_root(written: dict[str, Any]):
    if written["refused"]:
        pytest.skip(written["refused"])
    inner, outer, count = map(int, written["users"])
    assert (inner, count) == (0, 1), "it is root in a namespace of its own only"
    assert outer != 0
    assert written["board"]["contained"] is True


def test_out_of_band_the_first_write_lands_and_is_said_and_the_next_do_not(written: dict[str, Any]):
    board = written["board"]
    assert board["contained"] is True
    assert board["first_write_stopped"] is False
    assert board["first_write_note"].startswith("out of band: ")
    assert 1 <= board["writes_landed"] < board["writes_tried"]
    assert (board["leaked"], board["replayed_writes"], board["missed_polls"], board["wrong_containments"]) == (
        0,
        0,
        0,
        0,
    )
    assert board["released"] is True
    assert board["journal_verified"] is True


def test_the_drill_tells_itself_the_line_and_the_journal(written: dict[str, Any]):
    told = written["told"]
    stages = [stage for stage, _ in told]
    assert {"drill", "line", "word", "finding", "decision", "command", "response", "effect"} <= set(stages)
    said = [text for stage, text in told if stage == "drill"]
    assert said[0].startswith("the range is up after ")
    assert "the intruder on ws1 begins: write" in said
    assert stages.index("command") > told.index(["drill", "the intruder on ws1 begins: write"])
    lines = [text for stage, text in told if stage == "line"]
    assert lines[0].startswith("the line runs: ")
    assert all(text.endswith(", none missed") for text in lines)


def test_what_the_one_write_cost_is_counted_and_told(written: dict[str, Any]):
    """It raised a setpoint, nobody but the plant's people may set it back, and the controller's own limit trips."""
    board = written["board"]
    assert (board["trips"], board["line_running"]) == (1, False)
    assert board["production_lost"] > 1000 * board["cost_of_response"]
    assert any(text.startswith("the line STANDS STILL: ") for stage, text in written["told"] if stage == "line")


def entries(desk: Desk, after: int = 0) -> list[Entry]:
    records = [r for turn in desk.turns if turn.transaction for r in turn.transaction.records]
    return [Entry(n, r.kind, r.subject, r.time, r.body) for n, r in enumerate(records, 1)][after:]


def test_a_follower_keeps_what_a_drill_is_judged_by():
    desk, shown = Desk().contained(), []
    follower = Follower(lambda: entries(desk, len(shown)), shown.append)
    follower.follow()
    assert [told.finding.src for told in follower.findings] == ["10.77.10.10"]
    assert [d.chosen.title for d in follower.decisions] == ["block host ws1"]
    (effect,) = follower.effects.values()
    assert (effect.state, effect.target.asset) == (EffectState.STANDING, "ws1")
    count = len(shown)
    follower.follow()
    assert len(shown) == count > 5
    desk.take(after=1_000_000 * 3600)
    follower.follow()
    assert follower.effects[effect.lease].ended


def test_erased_records_are_passed_over():
    shown: list[Entry] = []
    Follower(lambda: [Entry(1, "decision", "s", 0, None)], shown.append).follow()
    assert shown == []


def test_a_follower_waits_for_something_and_no_longer_than_told():
    beats: list[int] = []
    follower = Follower(list, lambda _: None, lambda: beats.append(1))
    assert follower.until(lambda: len(beats) >= 3, 20)
    assert not follower.until(lambda: False, 0.1)
    before = len(beats)
    follower.wait(0.12)
    assert len(beats) > before


def test_the_line_in_one_sentence():
    line, polls = Line(1, True, 51.6, 21.4, 128, 0), Polls(1, 120, 0)
    assert pulse([Started(0, "plc"), line], [polls]) == (
        "the line runs: 128 bottles, tank at 52 %, 21 °C; the operator's screen asked 120 times, none missed"
    )
    stopped = Line(2, False, 99.0, 80.0, 129, 1)
    words = pulse([line, stopped], [polls, Polls(2, 130, 4)])
    assert words.startswith("the line STANDS STILL: 129 bottles")
    assert words.endswith("asked 130 times, 4 MISSED")
    assert pulse([], [polls]) == ""
    assert pulse([line], []) == ""


def test_the_pulse_is_taken_now_and_then(tmp_path: Path):
    plant, said = Range(tmp_path), []
    often = Pulse(plant, lambda *words: said.append(words), 0.0)
    often()
    assert said == [], "nothing was seen yet"
    Trace(plant.trace("plc")).add(Line(1, True, 50.0, 20.0, 5, 0))
    Trace(plant.trace("hmi")).add(Polls(1, 10, 0))
    often()
    often()
    assert [stage for stage, _ in said] == ["line", "line"]
    seldom = Pulse(plant, lambda *words: said.append(words), 3600)
    seldom()
    assert len(said) == 2


def test_a_drill_has_look_alikes_unless_told_otherwise():
    assert Plan().lookalikes == EVERYDAY
    assert Plan().acts == ("sweep", "write")
