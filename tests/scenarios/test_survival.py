"""Kills, deletions and people's words on the range, with the real loop, hand, sensor and kernel."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tercio.drills.range.sandbox import missing_tools, wrap
from tercio.drills.range.suricata import missing
from tercio.drills.range.topology import HOSTS

WS1 = HOSTS["ws1"]
PLAYED = Path(__file__).with_name("on_range.py")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the whole play came to, played once."""
    if os.geteuid():
        pytest.skip("the range with Tercio on it needs root")
    if reason := "; ".join(filter(None, (*missing_tools(), missing()))):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("survival")
    done = subprocess.run(
        wrap([sys.executable, str(PLAYED), str(folder)]), capture_output=True, text=True, check=False, timeout=400
    )
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.glob("*/tercio.log"))
    assert done.returncode == 0, f"{done.stderr}\n{logs}"
    return json.loads(done.stdout)


def test_an_address_that_passes_to_another_machine_contains_nobody(seen: dict[str, Any]):
    if "address_moves" not in seen:
        pytest.skip("busybox is missing: install the package busybox")
    assert seen["address_moves"] == {"status": [0, 0], "effects": 0}


def test_a_denied_address_that_moves_is_free_and_its_old_machine_is_not(seen: dict[str, Any]):
    if "denied_address_moves" not in seen:
        pytest.skip("busybox is missing: install the package busybox")
    told = seen["denied_address_moves"]
    assert (told["status"], told["machines"]) == ([0, 0], 1)
    own = [[WS1.mac], [WS1.address6]]
    assert told["named"] == [[WS1.address4, WS1.address6], own[0]]
    if told["late"]:
        pytest.skip("this machine is so slow that the lease was over before the address had moved")
    assert told["left"] == [own[1], own[0]]
    assert told["why"] == f"{WS1.address4} moved to another machine"
    assert told["new_owner"] == "reached"
    assert told["old_under_another_address"] in ("ConnectionRefusedError", "the lease was over")


def test_a_killed_loop_adopts_its_lease_and_ends_it_properly(seen: dict[str, Any]):
    assert seen["loop_is_killed"] == {"leases": 1, "state": "released", "most_elements": 1, "left": 0}


def test_undo_of_an_incident_holds_until_people_say_otherwise(seen: dict[str, Any]):
    told = seen["people_undo"]
    assert told["codes"] == [0, 0, 0]
    assert "undoing host ws1" in told["words"][0]
    assert (told["left"], told["acted_after_undo"]) == (0, 0)


def test_stand_down_takes_everything_back_and_nothing_acts(seen: dict[str, Any]):
    told = seen["people_undo"]
    assert "1 effect is being undone" in told["words"][2]
    assert told["acted_after_stand_down"] == 0
    assert told["states"] == ["released", "released"]


def test_a_table_deleted_behind_its_back_is_noticed_and_decided_anew(seen: dict[str, Any]):
    assert seen["table_is_deleted"] == {"why": "its hand no longer finds it standing", "again": True}


def test_a_dead_tercio_leaves_no_wall_behind_and_nothing_stale_is_delivered(seen: dict[str, Any]):
    killed = seen["all_is_killed"]
    assert killed["alive"] == []
    assert (killed["denied"], killed["early"]) == (1, False)
    assert seen["replayed"] == 0


def test_deleting_the_table_disables_everything_without_tercio(seen: dict[str, Any]):
    told = seen["table_is_deleted_when_dead"]
    assert (told["denied"], told["status"]) == (1, 0)
    assert told["landed"] > 0


def test_through_all_of_it_the_journal_is_whole_and_the_operator_sees_his_plant(seen: dict[str, Any]):
    assert seen["audit"] == ["", ""]
    assert seen["polls"] > 100
    assert seen["missed_polls"] <= seen["polls"] / 100, "a busy machine costs one now and then, a wall every one"
