import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tercio.app import machine as module
from tercio.app.checkup import Finding, Weight
from tercio.app.machine import machine
from tercio.app.settings import load
from tercio.model.units import SECOND
from tests.app.given import home


def found(folder: Path, last: int = 0) -> dict[str, Finding]:
    return {finding.what: finding for finding in machine(load(home(folder)), last)}


def test_files_can_be_followed_here(tmp_path: Path):
    assert found(tmp_path)["inotify"].weight == Weight.OK


@pytest.mark.parametrize("kept", [True, False])
def test_a_clock_that_nobody_keeps_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool):
    """What the kernel answers here depends on the machine: each answer is given once."""
    assert module._kept_right() in (True, False)
    monkeypatch.setattr(module, "_kept_right", lambda: kept)
    finding = found(tmp_path)["clock"]
    assert finding.weight == (Weight.OK if kept else Weight.WARN)
    assert ("nobody keeps it right" in finding.words) is not kept


def test_a_clock_that_was_set_back_is_found_by_the_journal(tmp_path: Path):
    now = time.time_ns() // 1000
    finding = found(tmp_path, now + 72_000 * SECOND)["clock"]
    assert finding.weight == Weight.FAIL
    assert "and the journal's last record is 20 h later: it was set back; set it" in finding.words
    assert found(tmp_path, now)["clock"].weight != Weight.FAIL


def test_a_clock_from_before_the_installation_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    finding = found(tmp_path)["clock"]
    assert finding.weight == Weight.FAIL
    assert finding.words.startswith("it says 2001-09-09T01:46:40, which was before this Tercio was installed")


LOOK = """
import sys
from pathlib import Path
from tercio.app.machine import machine
from tercio.app.settings import load
for finding in machine(load(Path(sys.argv[1])), 0):
    if finding.what == "inotify":
        print(finding.weight, finding.words)
"""


def without(limit: str) -> list[str]:
    """A user namespace whose kernel gives none of something."""
    return ["unshare", "-Ur", "sh", "-c", f'echo 0 > /proc/sys/user/{limit} && exec "$@"', "sh"]


@pytest.mark.parametrize(("limit", "weight", "words"), [
    ("max_inotify_instances", "fail", "no instance left"),
    ("max_inotify_watches", "warn", "no inotify watch is left, so it is read once a second"),
])  # fmt: skip
def test_a_kernel_that_gives_no_more_inotify_is_told(tmp_path: Path, limit: str, weight: str, words: str):
    if shutil.which("unshare") is None or subprocess.run([*without(limit), "true"], check=False).returncode:
        pytest.skip("this kernel gives users no namespaces of their own with limits of their own")
    argv = [*without(limit), sys.executable, "-c", LOOK, str(home(tmp_path))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=os.environ)
    assert done.stdout.startswith(f"{weight} "), done.stderr
    assert words in done.stdout
