import csv
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tercio.app.cli import COMMANDS
from tercio.app.commands import replay
from tercio.drills.range.range import site_file
from tests.app.given import Cli
from tests.house import tree

RULES = tree.SRC / "content" / "rules"
DATA = tree.ROOT.parent / "shared" / "data"
SWEEP = RULES / "port-sweep" / "positive.ndjson"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "eve.json").write_bytes(SWEEP.read_bytes())
    (folder / "notes.txt").write_text("call the plant\n")
    return folder


def test_it_is_a_command():
    assert COMMANDS["replay"] is replay.replay_command


def test_one_object_and_nothing_written(logs: Path, cli: Cli):
    before = sorted(path.stat().st_mtime_ns for path in logs.rglob("*"))
    done = cli("replay", str(logs), "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    (told,) = found["replays"]
    assert (told["name"], told["lines"]) == ("all", len(SWEEP.read_bytes().splitlines()))
    assert told["incidents"]
    assert [Path(file["name"]).name for file in found["skipped"]] == ["notes.txt"]
    assert sorted(path.stat().st_mtime_ns for path in logs.rglob("*")) == before


@pytest.mark.parametrize("each", [[], ["--each"]])
def test_it_comes_to_the_same_with_more_processes(logs: Path, cli: Cli, each: list[str]):
    (logs / "more.json").write_bytes((RULES / "modbus-write" / "positive.ndjson").read_bytes())
    told = [json.loads(cli("replay", str(logs), "--json", "--processes", n, *each).stdout) for n in "12"]
    for found in told:
        for outcome in found["replays"]:
            assert outcome.pop("seconds") > 0
    assert told[0] == told[1]
    assert len(told[0]["replays"]) == (2 if each else 1)


def test_the_page_and_what_was_not_read(logs: Path, cli: Cli):
    site = logs.parent / "site.toml"
    site.write_text(site_file().read_text())
    done = cli("replay", str(logs), "--site", str(site), "--each")
    assert done.returncode == 0
    assert "Incident inc-" in done.stdout
    assert "notes.txt: no sensor knows its records" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{logs}/gone"], "no such file or folder"),
        (["{logs}/notes.txt"], "there is nothing to replay"),
        (["{logs}", "--rules", "{logs}"], "has no Sigma rules"),
        (["{logs}", "--site", "{logs}/gone.toml"], "No such file"),
        (["{logs}", "--site", "{logs}/notes.txt"], "this is not TOML"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(words: list[str], said: str, logs: Path, cli: Cli):
    done = cli("replay", *(word.format(logs=logs) for word in words))
    assert done.returncode != 0
    assert said in done.stderr
    assert done.stdout == ""


MEASURED = r"""
import pathlib, re, resource, sys
from tercio.app.cli import main
try:
    main()
finally:
    # (The kernel counts into a process's own maximum what its parent held when it was started.)
    own = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1])
    print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024, file=sys.stderr)
"""


@pytest.mark.corpus
@pytest.mark.skipif(not DATA.exists(), reason="the recorded telemetry is not beside this checkout")
def test_recorded_attacks_are_found_in_bounded_memory(tmp_path: Path):
    with tarfile.open(DATA / "sigma" / "sigma-rules.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    rules = [word for name in ("windows", "linux") for word in ("--rules", str(tmp_path / "rules" / name))]
    argv = ["replay", str(DATA / "telemetry"), *rules, "--each", "--json"]
    done = subprocess.run([sys.executable, "-c", MEASURED, *argv], capture_output=True, text=True, check=True)
    *_, megabytes = done.stderr.split()
    replays = json.loads(done.stdout)["replays"]
    with (DATA / "telemetry" / "otrf" / "index.csv").open() as file:
        played = {row["members"]: row["techniques"].split(";") for row in csv.DictReader(file)}
    known = {name: told for told in replays if (name := told["name"].rpartition("/")[2]) in played}
    found = [name for name, told in known.items() if {t[:5] for t in told["matched"]} & {t[:5] for t in played[name]}]
    windows = [told for told in known.values() if told["files"][0]["sensor"] == "windows"]
    assert int(megabytes) < 500
    assert len(known) == 30
    assert len(found) / len(known) >= 0.7
    assert len(windows) == 28
    assert all(told["incidents"] for told in windows), "each recorded attack on a Windows host is somebody's incident"
    assert len(replays) == 314
    assert sum(bool(told["incidents"]) for told in replays) > 220
    assert all(seen["chosen"] == "do nothing" for told in replays for seen in told["incidents"])
