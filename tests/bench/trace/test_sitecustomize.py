import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.stages import FOLDER, TRACE
from bench.trace import sitecustomize as trace


def test_a_stage_does_what_it_did_and_is_noted():
    notes: list[trace.Note] = []
    work = trace.wrapped(notes, "turn", lambda a, *, b: a + b, lambda given, result: {"was": given, "is": result})
    before = trace.now()
    assert work(2, b=3) == 5
    (note,) = notes
    assert before <= note["begin"] <= note["end"] <= trace.now()
    assert note["cpu"] >= 0
    assert (note["stage"], note["was"], note["is"]) == ("turn", (2,), 5)


def test_what_fails_still_fails():
    notes: list[trace.Note] = []
    work = trace.wrapped(notes, "turn", lambda: 1 // 0, lambda *_: {})
    with pytest.raises(ZeroDivisionError):
        work()
    assert notes == []


def python(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    surroundings = {**os.environ, "PYTHONPATH": str(FOLDER), **env}
    return subprocess.run([sys.executable, *words], env=surroundings, capture_output=True, text=True, check=False)


def test_only_the_loop_is_traced_and_only_when_asked(tmp_path: Path):
    path = tmp_path / "trace.jsonl"
    python("-c", "pass", **{TRACE: str(path)})
    python("-m", "tercio", "--help", **{TRACE: str(path)})
    python("-m", "tercio", "loop", "--help")
    assert not path.exists()
    done = python("-m", "tercio", "loop", "--help", **{TRACE: str(path)})
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in path.read_text().splitlines()] == []


def test_a_file_says_when_it_was_last_written(tmp_path: Path):
    assert trace._written(tmp_path / "none") == 0
    (tmp_path / "some").write_text("x")
    assert abs(trace._written(tmp_path / "some") - trace.now()) < 60_000_000
