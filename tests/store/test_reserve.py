"""On small disks of their own (tmpfs in a private mount namespace): nothing here fills the machine's disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tercio.store import reserve
from tercio.store.reserve import LEAST, MIB, MOST, TIMES, Reserve
from tercio.store.state import State
from tests.store import made


def on_small_disk(script: str, folder: Path, size: str) -> list[str]:
    """What a script prints whose folder is a disk of this size."""
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("mounting a small disk needs root and unshare")
    mount = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    argv = ["unshare", "-m", "sh", "-c", mount, str(folder), sys.executable, "-c", script, str(folder)]
    env = {**os.environ, "PYTHONPATH": str(made.root_of_checkout())}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def sized(folder: Path, size: int) -> Reserve:
    with (folder / "state.db").open("wb") as file:
        file.truncate(size)
    return Reserve(folder)


@pytest.mark.parametrize(("state", "wanted"), [(0, LEAST), (MIB, TIMES * MIB), (1 << 40, MOST)])
def test_the_reserve_grows_with_the_state_within_bounds(tmp_path: Path, state: int, wanted: int):
    assert sized(tmp_path, state).wanted == wanted


def test_what_is_set_aside_has_its_blocks_and_is_given_back_in_slices(tmp_path: Path):
    held = sized(tmp_path, 0)
    assert held.held == 0
    assert not held.release()
    assert held.refill()
    assert held.refill()
    assert (tmp_path / "state.reserve").stat().st_blocks * 512 >= LEAST == held.held
    for left in range(TIMES - 1, -1, -1):
        assert held.release()
        assert held.held == left * LEAST // TIMES
    assert not held.release()


def test_it_never_takes_more_than_half_of_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    held, free = sized(tmp_path, 0), [0]
    monkeypatch.setattr(Reserve, "_free", lambda _: free[0])
    two = 2 * LEAST // TIMES
    for free[0], room, whole in ((two, False, 0), (two + 100, True, 50), (two + 2000, True, 1050), (MIB, True, None)):
        assert held.refill() is room
        assert whole is None or held.held == whole
    assert held.held < MIB


def test_space_that_somebody_else_took_meanwhile_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def taken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    held = sized(tmp_path, 0)
    monkeypatch.setattr(reserve.os, "posix_fallocate", taken)
    assert not held.refill()
    assert held.held == 0


FILL = """
import sys
from pathlib import Path
from tercio.store.audit import verify
from tercio.store.state import State, StateFull
from tests.store import made

folder = Path(sys.argv[1]) / "state"

def fill():
    with (folder.parent / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass

def commits(state, spare, most=10_000):
    global n
    for count in range(most):
        try:
            state.commit(made.turn(n), spare=spare)
        except StateFull:
            return count
        n += 1
    return most

n = 0
"""

LIVED = (
    FILL
    + """
with State.open(folder, origin="x") as state:
    state.commit(made.turn(n)); n += 1
    print(state.refill(), state.reserved > 0)
    fill()
    print(commits(state, spare=False) < 1000, state.reserved > 0, state.refill())
    print(commits(state, spare=True, most=20), verify(folder).ok)
    fill()
    print(commits(state, spare=True) > 20, state.reserved, verify(folder).ok)
    (folder.parent / "filler").unlink()
    print(commits(state, spare=False, most=3), state.refill(), state.reserved > 0, verify(folder).ok)
"""
)


def test_with_a_full_disk_the_reserve_can_be_written_and_nothing_else(tmp_path: Path):
    set_aside, full, spare, spent, after = on_small_disk(LIVED, tmp_path, "16m")
    assert set_aside == "True True"
    assert full == "True True False", "a full disk takes no ordinary turn, and keeps its reserve"
    assert spare == "20 True"
    assert spent == "True 0 True", "all of it can be used, though others fill what is given back"
    assert after == "3 True True True"


OPENED = (
    FILL
    + """
with State.open(folder, origin="x") as state:
    commits(state, spare=False, most=5)
    state.refill()
fill()
with State.open(folder, origin="x") as state:
    print(commits(state, spare=True, most=5), state.reserved > 0)
print(verify(folder).ok)
"""
)


def test_a_state_is_opened_and_written_on_a_disk_that_filled_while_nobody_ran(tmp_path: Path):
    assert on_small_disk(OPENED, tmp_path, "16m") == ["5 True", "True"]


def test_nothing_is_set_aside_unless_it_is_asked_for(tmp_path: Path):
    with State.open(tmp_path, origin="x") as state:
        assert state.reserved == 0
        assert state.refill()
        assert state.reserved == LEAST
    assert (tmp_path / "state.reserve").exists(), "it outlives the loop, for an undo without one"
