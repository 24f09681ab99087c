import json
from typing import Any

import pytest

from bench.crash import POINTS
from tercio.app.doctor import for_range
from tests.bench.test_loop import bench

KILLS = 20


@pytest.fixture(scope="module")
def killed() -> dict[str, Any]:
    if lacks := for_range():
        pytest.skip("; ".join(lacks))
    done = bench("kill", "--kills", str(KILLS), "--json", timeout=900)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_whoever_is_killed_whenever_nothing_is_lost_doubled_or_left_behind(killed: dict[str, Any]):
    assert killed["wrong"] == []
    assert (killed["kills"], killed["lost"], killed["doubled"], killed["left_behind"]) == (KILLS, 0, 0, 0)


def test_every_point_was_passed_and_everything_was_looked_at(killed: dict[str, Any]):
    assert {point.name for point in POINTS} <= set(killed["by_point"])
    assert sum(killed["by_point"].values()) == KILLS
    assert killed["monitor_ran_throughout"]
    assert killed["elements_added"] >= 2 * KILLS, "each intruder was blocked, by a claim and a wall"


def test_every_order_came_to_an_end_and_no_line_counted_twice(killed: dict[str, Any]):
    assert killed["audit_ok"]
    assert killed["commands_without_an_end"] == 0
    assert killed["findings"] >= KILLS
    assert killed["findings_counted_twice"] == 0


def test_it_says_what_it_was_measured_on(killed: dict[str, Any]):
    assert {"machine", "seed", "n", "intervals95"} <= set(killed)
    assert killed["machine"]["nft"] != "missing"
    low, high = killed["intervals95"]["contained_p50_s"]
    assert low <= killed["contained_p50_s"] <= high
