"""A gateway that is started anew, and a sensor that is killed, with the real loop, hand, sensor and kernel."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tercio.app.doctor import for_range
from tercio.drills.range.sandbox import wrap

PLAYED = Path(__file__).with_name("on_reboot.py")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the whole play came to, played once."""
    if lacks := for_range():
        pytest.skip("; ".join(lacks))
    folder = tmp_path_factory.mktemp("reboot")
    done = subprocess.run(
        wrap([sys.executable, str(PLAYED), str(folder)]), capture_output=True, text=True, check=False, timeout=600
    )
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.glob("*/tercio.log"))
    assert done.returncode == 0, f"{done.stderr}\n{logs}"
    return json.loads(done.stdout)


def test_after_a_reboot_of_the_gateway_the_loss_is_noticed_and_the_intruder_blocked_again(seen: dict[str, Any]):
    told = seen["gateway_reboots"]
    assert told["status"] == [0, 0]
    assert (told["state"], told["why"]) == ("lost", "its hand no longer finds it standing")
    assert told["again"] == [True, True], "by a new lease of the same incident"
    assert 0 < told["noticed_s"] <= told["contained_s"]


def test_nothing_acts_while_nobody_sees_and_everything_once_the_sensor_speaks_again(seen: dict[str, Any]):
    told = seen["sensor_is_killed"]
    assert told["silences"] == [True, False]
    assert told["acted_blind"] == []
    assert told["acts_again"]


def test_every_line_of_the_sensor_counted_once(seen: dict[str, Any]):
    lines = seen["lines"]
    assert lines["alerts"] == lines["findings"] > 0
    assert lines["twice"] == 0
    assert seen["audit"] == ""
