import os
import signal
import subprocess
import sys
from pathlib import Path

from bench.crash import POINTS, Armed, arm, disarm, through_here, waiting

ROOT = Path(__file__).parents[2]

INSTALL = """
import sys
from pathlib import Path
from bench.crash import POINTS, install
install(Path(sys.argv[1]), POINTS)
"""

PASSING = """
import sys
from pathlib import Path
from bench import crash
from bench.crash import AFTER, BEFORE, Point, install
from tercio.model import units

points = [
    Point("before", "any", "tercio.model.units:duration", BEFORE, lambda a, _: a[0] != "1s"),
    Point("after", "any", "tercio.model.units:duration", AFTER, lambda _, result: result == 3_000_000),
]
install(Path(sys.argv[1]), points)
for text in ("1s", "2s", "3s", "4s"):
    print(text, units.duration(text), flush=True)
"""


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-P", "-c", code, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, env=env)


def test_there_are_twelve_points_and_each_is_a_function_of_the_product(tmp_path: Path):
    assert len({point.name for point in POINTS}) == len(POINTS) == 12
    done = python(INSTALL, str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_nobody_dies_while_nothing_is_armed(tmp_path: Path):
    done = python(PASSING, str(tmp_path))
    assert (done.returncode, done.stdout.split()[::2]) == (0, ["1s", "2s", "3s", "4s"])


def test_who_passes_the_armed_point_dies_there_and_it_is_armed_no_more(tmp_path: Path):
    for name, reached in (("before", ["1s"]), ("after", ["1s", "2s"])):
        arm(tmp_path, Armed((name,)))
        done = python(PASSING, str(tmp_path))
        assert (done.returncode, done.stdout.split()[::2]) == (-signal.SIGKILL, reached)
        assert not waiting(tmp_path)


def test_points_fall_one_after_the_other_each_in_a_life_of_its_own(tmp_path: Path):
    arm(tmp_path, Armed(("before", "after")))
    assert python(PASSING, str(tmp_path)).stdout.split()[::2] == ["1s"]
    assert waiting(tmp_path)
    assert python(PASSING, str(tmp_path)).stdout.split()[::2] == ["1s", "2s"]
    assert python(PASSING, str(tmp_path)).returncode == 0


def test_who_is_named_beside_dies_with_the_last_whoever_of_them_is_dead_already(tmp_path: Path):
    with subprocess.Popen(["true"]) as dead:
        dead.wait(30)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        arm(tmp_path, Armed(("before", "after"), also=(dead.pid, bystander.pid)))
        assert python(PASSING, str(tmp_path)).returncode == -signal.SIGKILL
        assert bystander.poll() is None
        assert python(PASSING, str(tmp_path)).returncode == -signal.SIGKILL
        assert bystander.wait(30) == -signal.SIGKILL


def test_it_can_be_called_off(tmp_path: Path):
    arm(tmp_path, Armed(("before",)))
    assert [disarm(tmp_path), disarm(tmp_path)] == [True, False]
    assert python(PASSING, str(tmp_path)).returncode == 0


def test_a_part_is_started_with_its_own_words(tmp_path: Path):
    words = ("nsenter", "--net=/run/netns/gw", "python", "-m", "tercio.products.hand", "gateway", "--file", "f")
    run = through_here(tmp_path, words)
    assert run == (*words[:4], "bench.crash", str(tmp_path), *words[4:])
