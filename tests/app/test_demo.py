"""The whole way on the kernel, played once (see conftest.py): the project's promise, held against one run."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tercio.app.demo import board_page, harmless
from tercio.app.doctor import for_range
from tercio.drills.range.harm import Harm, Watched
from tercio.drills.range.range import site_file
from tercio.drills.range.sandbox import wrap
from tercio.drills.scoreboard import Scoreboard
from tercio.model.siteparse import parse_site
from tercio.store.state import State
from tests.app.conftest import Played
from tests.app.given import Cli, drawn, visible

PROMISED = (
    "contained", "time_to_detect_ms", "time_to_contain_ms", "time_to_confirm_ms", "missed_polls", "writes_landed",
    "first_write_stopped", "replayed_writes", "wrong_containments", "io_timeouts", "sessions_lost", "failovers",
    "production_lost", "currency", "alternatives",
    "removed_for_safety", "evidence", "journal_root",
)  # fmt: skip


SEEN = Watched(cycles=9000, answers=180, heartbeats=130, longest=70)


def board(**changes: Any) -> Scoreboard:
    whole: dict[str, Any] = {
        "contained": True, "leaked": 0, "confirmed": True, "released": True, "time_to_detect_ms": 1.0,
        "time_to_contain_ms": 20.0, "time_to_confirm_ms": 40.0, "first_packet_to_contain_ms": 400.0, "polls": 200,
        "missed_polls": 0, "writes_tried": 30, "writes_landed": 0, "first_write_stopped": True,
        "first_write_note": "he was contained before", "replayed_writes": 0, "wrong_containments": 0, "io_timeouts": 0,
        "sessions_lost": 0, "failovers": 0, "control": Harm(), "control_seconds": 3.0, "watched": SEEN, "trips": 0,
        "bottles": 200, "line_running": True, "production_lost": 0.0, "cost_of_response": 0.17, "currency": "CHF",
        "chosen": "block host ws1", "alternatives": (), "removed_for_safety": (), "evidence": (), "incidents": 1,
        "journal_root": "ab" * 32, "journal_verified": True,
    }  # fmt: skip
    return Scoreboard(**{**whole, **changes})


def test_the_attack_is_contained_and_nothing_else_is_hurt(played: Played):
    found = played.board
    assert set(PROMISED) <= set(found)
    assert played.status == 0, found
    assert found["contained"] is True
    assert found["confirmed"] is True
    assert found["released"] is True
    assert found["leaked"] == 0
    assert (found["missed_polls"], found["replayed_writes"], found["wrong_containments"]) == (0, 0, 0)
    assert (found["io_timeouts"], found["sessions_lost"], found["failovers"]) == (0, 0, 0)
    assert found["control_seconds"] >= 3
    watched = found["watched"]
    assert watched["cycles"] > 1000, "the bystanders were there, and had something to lose"
    assert watched["answers"] > 50
    assert watched["heartbeats"] > 50
    assert found["polls"] > 100
    assert found["line_running"] is True
    assert found["bottles"] > 100
    assert (found["trips"], found["production_lost"]) == (0, 0.0)
    assert found["journal_verified"] is True
    assert re.fullmatch(r"[0-9a-f]{64}", found["journal_root"])


def test_times_follow_one_another(played: Played):
    found = played.board
    assert 0 < found["time_to_detect_ms"] < found["time_to_contain_ms"] <= found["time_to_confirm_ms"]
    assert found["time_to_contain_ms"] < found["first_packet_to_contain_ms"]


def test_every_alternative_has_its_price_and_the_cheapest_was_chosen(played: Played):
    found = played.board["alternatives"]
    assert len(found) >= 3
    assert {"do nothing", "wait for evidence"} <= {plan["plan"] for plan in found}
    assert all(isinstance(plan["expected_loss"], float) and plan["expected_loss"] > 0 for plan in found)
    (chosen,) = [plan for plan in found if plan["chosen"]]
    assert chosen["expected_loss"] == min(p["expected_loss"] for p in found if p["permission"] == "permitted")
    assert chosen["plan"] == played.board["chosen"]
    assert played.board["currency"] == parse_site(site_file().read_text()).currency


def test_the_intruder_tried_and_the_look_alikes_ran(played: Played):
    assert played.board["writes_tried"] >= 20
    assert played.board["writes_landed"] <= played.board["writes_tried"] * 0.2
    visitors = {path.stem for path in (played.folder / "range" / "traces").iterdir()}
    assert {"ews", "scanner", "backup", "spoofer", "outsider", "intruder", "hmi", "plc", "historian"} <= visitors
    with State.read(played.folder / "state") as reader:
        findings = [json.loads(entry.body or b"")["finding"] for entry in reader.records(kind="finding")]
    tempting = {"10.77.20.40", "10.77.30.30", "10.77.30.10"}
    assert tempting <= {finding["src"] for finding in findings}, "all were seen, and tempted a hasty defender"
    forged = {finding["provenance"] for finding in findings if finding["src"] == "10.77.30.10"}
    assert forged == {"forgeable"}, "whoever sweeps in another's name proves nothing"


def test_evidence_is_what_suricata_wrote(played: Played):
    eve = (played.folder / "range" / "suricata" / "eve.json").read_bytes().splitlines(keepends=True)
    written = set(eve)
    cited = 0
    with State.read(played.folder / "state") as reader:
        findings = {
            told["finding"]["id"]: told["finding"]
            for entry in reader.records(kind="finding")
            if (told := json.loads(entry.body or b""))
        }
        assert played.board["evidence"]
        for name in played.board["evidence"]:
            events = reader.cited(findings[name]["events"])
            assert {c.event.id for c in events} == set(findings[name]["events"])
            for one in events:
                cited += 1
                assert one.raw in written
                assert json.loads(one.raw)["src_ip"] == one.event.src.address
    assert cited >= 2


def test_what_was_told_is_calm_and_readable(played: Played):
    lines = played.told.splitlines()
    assert all(visible(line) for line in lines)
    stages = [match[1] for line in lines if (match := re.match(r"\d\d:\d\d:\d\d\.\d{3} +(\w+)  ", line))]
    assert {"drill", "line", "people", "detect", "decide", "authorise", "order", "act", "verify"} <= set(stages)
    assert stages.count("order") == 2, "one order, one undo: renewals are told briefly"
    assert stages.count("line") >= 3
    assert "none missed" in played.told
    assert max(map(len, lines)) <= 80


def test_the_kept_state_can_be_looked_at(played: Played, cli: Cli):
    found = json.loads(cli("incidents", "--json", settings=played.settings).stdout)["incidents"]
    (one,) = [incident for incident in found if list(incident["sources"]) == ["ws1"]]
    assert {incident["status"] for incident in found if incident is not one} <= {"open"}, "looked at, never acted on"
    assert one["status"] == "released"
    story = json.loads(cli("show", one["id"], "--json", settings=played.settings).stdout)
    assert set(played.board["evidence"]) <= set(story["incident"]["findings"])
    assert [deed["effect"]["state"] for deed in story["deeds"]] == ["released"]
    page = cli("show", one["id"], settings=played.settings)
    assert (page.returncode, page.stderr) == (0, "")
    assert "block host ws1" in page.stdout
    assert json.loads(cli("effects", "--json", settings=played.settings).stdout) == {"effects": []}
    (ended,) = json.loads(cli("effects", "--all", "--json", settings=played.settings).stdout)["effects"]
    assert ended["target"]["asset"] == "ws1"
    assert ended["confirmed"] >= ended["held"] > 0
    (window,) = json.loads(cli("window", "list", "--json", settings=played.settings).stdout)["windows"]
    assert (window["asset"], window["target"]) == ("ews1", "plc1")


def test_the_journal_is_whole_and_one_byte_changed_is_found(played: Played, cli: Cli, tmp_path: Path):
    done = cli("audit", "verify", "--json", settings=played.settings)
    assert done.returncode == 0
    assert json.loads(done.stdout)["root"] == played.board["journal_root"]
    copy = tmp_path / "state"
    copy.mkdir()
    for name in ("state.db", "state.db-wal", "journal.pub"):
        if (path := played.folder / "state" / name).exists():
            (copy / name).write_bytes(path.read_bytes())
    with sqlite3.connect(copy / "state.db") as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    assert cli("audit", "verify", "--state", str(copy)).returncode == 0, "the copy itself is whole"
    data = bytearray((copy / "state.db").read_bytes())
    at = data.find(b'"input_digest":"')  # stands in decisions only, and decisions stand in the journal only
    assert at > 0
    data[at + 20] ^= 1
    (copy / "state.db").write_bytes(data)
    done = cli("audit", "verify", "--state", str(copy))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The journal is wrong: ")


def test_nothing_is_left_running_or_standing(played: Played):
    marker = str(played.folder).encode()
    running = [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if marker in read(path)]
    assert running == []


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_folder_that_was_used_is_not_used_again(played: Played, cli: Cli):
    words = wrap([sys.executable, "-m", "tercio", "demo", "--inside", "--json", "--folder", str(played.folder)])
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"error": done.stderr.strip()})
    assert "is from an earlier range: use a new folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert cli("audit", "verify", settings=played.settings).returncode == 0


def test_the_folder_that_a_demo_kept_is_not_called_broken(played: Played, cli: Cli):
    done = cli("doctor", "--json", settings=played.settings)
    found = json.loads(done.stdout)["findings"]
    assert [f["words"] for f in found if f["weight"] == "fail"] == []
    assert done.returncode == 0
    (words,) = [f["words"] for f in found if f["what"] == "demo"]
    assert words.startswith(f"{played.folder} was kept from a demo whose range has ended")
    done = cli("up", "--json", settings=played.settings)
    assert (done.returncode, json.loads(done.stdout)) == (78, {"error": words})


KEPT = """
import os, sys
from pathlib import Path
from tercio.drills.range.sandbox import wrap
if sys.argv[2:] != ["inside"]:
    words = wrap([sys.executable, "-P", "-c", sys.orig_argv[-2], sys.argv[1], "inside"])
    os.execvp(words[0], words)
import signal
from tercio.app.demo import Keeper
from tercio.app.terminal import err, out
from tercio.drills.exercise import Plan, conduct
signal.signal(signal.SIGINT, signal.default_int_handler)
place = Path(sys.argv[1])
plan = Plan(control=0.5, healthy=0.5, acts=("sweep",), intrusion=1.0, after=0.5, lookalikes=())
board = conduct(place, plan, lambda stage, text: print(stage, text, flush=True), lambda entry: None,
                Keeper(err, out, place))
print("released", board.released)
"""


def test_a_kept_demo_is_sound_from_outside_and_leaves_a_block_to_try_things_on(cli: Cli, tmp_path: Path):
    """As from another terminal: the range's namespaces are not seen from here."""
    if lacks := for_range():
        pytest.skip("; ".join(lacks))
    place = tmp_path / "kept"
    settings = place / "tercio.toml"
    argv, pipe = [sys.executable, "-c", KEPT, str(place)], subprocess.PIPE
    with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as demo:
        try:
            assert demo.stderr is not None
            said = list(takewhile(lambda line: not line.startswith("Ctrl-C takes back"), demo.stderr))
            assert f"  tercio undo all --settings {settings}\n" in said, "".join(said)
            found = json.loads(cli("doctor", "--json", settings=settings).stdout)["findings"]
            assert [f["words"] for f in found if f["weight"] == "fail"] == []
            assert any(f["what"] == "hand gateway" and f["words"].startswith("it answers") for f in found)
            status = cli("status", "--json", settings=settings)
            assert status.returncode == 0, status.stdout
            (effect,) = json.loads(cli("effects", "--json", settings=settings).stdout)["effects"]
            assert effect["state"] == "standing"
            assert "in a demo that runs" in cli("undo", "all", "--offline", settings=settings).stderr
            os.killpg(demo.pid, signal.SIGINT)
            told, _ = demo.communicate(timeout=120)
        finally:
            if demo.poll() is None:
                demo.kill()  # With it everything inside ends.
    assert "Scoreboard" in told
    assert "released again          no" in told, "the score so far, before the wait"
    assert "drill undoing host ws1" in told
    assert told.endswith("released True\n")


def test_a_folder_that_can_be_none_is_told(cli: Cli, tmp_path: Path):
    (tmp_path / "file").write_text("")
    done = cli("demo", "--folder", str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr


def test_what_the_machine_lacks_is_said_before_anything_starts(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = cli("demo", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"error": done.stderr.strip()})
    told = done.stderr.splitlines()
    assert any("suricata is missing: install the package suricata" in line for line in told)
    assert all(" is missing: " in line for line in told)


@pytest.mark.parametrize("changes", [
    {"contained": False}, {"wrong_containments": 1}, {"missed_polls": 1}, {"replayed_writes": 1}, {"trips": 1},
    {"io_timeouts": 1}, {"sessions_lost": 1}, {"failovers": 1}, {"watched": Watched(cycles=9000, answers=180)},
    {"watched": msgspec.structs.replace(SEEN, unwatched=("s7-plc2 died",))},
    {"released": False}, {"journal_verified": False},
], ids=lambda changes: next(iter(changes)))  # fmt: skip
def test_any_harm_fails_the_demo(changes: dict[str, Any]):
    assert harmless(board())
    assert harmless(board(trips=1, writes_landed=1)), "the intruder's own doing"
    assert not harmless(board(**changes))


@pytest.mark.parametrize(("changes", "words"), [
    ({}, r"contained +yes$"),
    ({"contained": False, "leaked": 3}, r"contained +no, but 3 got through$"),
    ({"time_to_contain_ms": None}, r"time to contain \(held\) +never$"),
    ({}, r"time to contain \(held\) +20\.0 ms after the packet that completed the evidence$"),
    ({"first_write_stopped": False, "first_write_note": "out of band"}, r"first write +landed: out of band$"),
    ({"first_write_stopped": None, "first_write_note": "he tried none"}, r"first write +none: he tried none$"),
    ({"line_running": None}, r"line +not seen, 200 bottles, 0 trips$"),
    ({"line_running": False, "trips": 2}, r"line +standing still, 200 bottles, 2 trips$"),
    ({"production_lost": 225_000.0}, r"production lost +CHF 225,000\.00$"),
    ({"journal_verified": False}, r"journal +WRONG, root (ab){32}$"),
    ({}, r"bystanders +none harmed in 9000 cyclic frames, 180 answers and 130 heartbeats$"),
    ({"io_timeouts": 1, "failovers": 2}, r"bystanders +HARMED: 1 I/O time-out, 2 take-overs in 9000 cyclic frames, "),
    ({"control": Harm(sessions_lost=2)}, r"bystanders +.* heartbeats; control not clean: 2$"),
    ({"watched": Watched()}, r"bystanders +not watched to the end, so nobody knows$"),
    ({"watched": msgspec.structs.replace(SEEN, unwatched=("s7 at s7-hmi2",))}, r".* nobody knows: s7 at s7-hmi2$"),
    ({"watched": Watched(), "failovers": 1}, r"bystanders +HARMED: 1 take-over in 0 cyclic frames, "),
    ({"chosen": ""}, r"plan +none$"),
    ({"chosen": "[red]\x1b[31m"}, r"plan +\[red\]$"),
])  # fmt: skip
def test_the_scoreboard_in_words(changes: dict[str, Any], words: str):
    text = "\n".join(line.rstrip() for line in drawn(board_page(board(**changes)), width=120).splitlines())
    assert re.search(rf"^ *{words}", text, re.MULTILINE), text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_scoreboard_fits(width: int):
    assert max(map(len, drawn(board_page(board()), width).splitlines())) <= width


def test_a_scoreboard_survives_its_json():
    assert msgspec.json.decode(msgspec.json.encode(board()), type=Scoreboard) == board()
