"""Killed without warning, again and again: what a commit returned is in the file, and the file is whole."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tercio.store.audit import Anchor, verify
from tercio.store.state import State
from tests.store import made

KILLS = 8

WRITER = """
import sys
from pathlib import Path
from tercio.store.state import State
from tests.store import made
state = State.open(Path(sys.argv[1]), origin="x")
n = len(state.restore().incidents)
while True:
    checkpoint = state.commit(made.turn(n))
    sys.stdout.write(f"{checkpoint.size} {checkpoint.root.hex()}\\n")
    sys.stdout.flush()
    n += 1
"""


def committed_until_killed(folder: Path, wait: float) -> list[Anchor]:
    root = made.root_of_checkout()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    ) as child:
        assert child.stdout is not None
        try:
            first = child.stdout.readline()
            time.sleep(wait)
        finally:
            child.kill()
        lines = [first, *child.stdout]
        child.wait()
    assert child.returncode == -signal.SIGKILL, "it ended by itself"
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [Anchor(int(size), bytes.fromhex(root)) for size, root in whole]


def test_no_commit_is_lost_by_a_kill(tmp_path: Path):
    chance, last, many = random.Random(7), 0, 0
    for _ in range(KILLS):
        printed = committed_until_killed(tmp_path, chance.uniform(0, 0.2))
        many += len(printed)
        assert printed[0].size > last
        for anchor in printed if len(printed) < 4 else (printed[0], printed[len(printed) // 2], printed[-1]):
            verdict = verify(tmp_path, anchor=anchor)
            assert verdict.ok, verdict.wrong
        last = printed[-1].size
        assert [a.size for a in printed] == list(range(printed[0].size, last + 4, 4))
    assert many > KILLS * 2, "the kills came before any work"
    with State.open(tmp_path, origin="x") as state:
        left = state.restore()
    assert len(left.incidents) * 4 >= last
    assert left.offsets == {"eve": ("g1", len(left.incidents))}
