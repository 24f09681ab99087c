from collections import Counter
from pathlib import Path

from bench.crash import POINTS
from bench.field import COMPANY, SETTINGS, VICTIMS, denied, falls
from tercio.drills.platform import write_settings
from tercio.drills.range.range import Range
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget


def test_the_same_seed_gives_the_same_kills_and_another_gives_others():
    assert falls(60, 1) == falls(60, 1)
    assert falls(60, 1) != falls(60, 2)


def test_named_points_come_in_whole_rounds_then_everybody_dies_in_turn():
    for kills in (20, 60, 200):
        found = falls(kills, 1)
        assert len(found) == kills
        named = Counter(fall.points[-1] for fall in found if fall.points)
        assert set(named) == {point.name for point in POINTS}
        assert len(set(named.values())) == 1
        random = Counter(fall.victims for fall in found if not fall.points)
        assert set(random) == set(VICTIMS)
        assert max(random.values()) - min(random.values()) <= 1
        assert {fall.kind for fall in found} == {"sweep", "write"}
    assert len(falls(3, 1)) == 3


def test_first_the_one_that_passes_a_point_dies_alone_and_three_rounds_cross_each_point_with_all_company():
    assert not any(fall.victims for fall in falls(20, 1) if fall.points)
    crossed = {(fall.points[-1], fall.victims) for fall in falls(60, 1) if fall.points}
    assert crossed == {(point.name, company) for point in POINTS for _, company in COMPANY}
    assert len({fall.name for fall in falls(60, 1) if fall.points}) == len(POINTS) * len(COMPANY)


def test_the_start_is_killed_where_something_was_left_to_order():
    (fall,) = [fall for fall in falls(12, 1) if fall.name == POINTS[-1].name]
    assert fall.points == ("after commit A", POINTS[-1].name)


def test_whoever_is_denied_his_own_traffic_is_contained():
    assert denied(HostTarget("x", ("10.0.0.1", "fd00::1"))) == ("10.0.0.1", "fd00::1")
    assert denied(FlowTarget("a", "b", ("10.0.0.1",), ("10.0.0.2",), "tcp", 502)) == ("10.0.0.1",)
    assert denied(ConduitTarget("a", "b", ("10.0.0.0/24",), ("10.0.1.0/24",), ())) == ()


def test_its_changes_still_fit_the_drills_settings(tmp_path: Path):
    write_settings(tmp_path, Range(tmp_path / "range"), SETTINGS)
    text = (tmp_path / "tercio.toml").read_text()
    assert "kill.cedar" in text
    assert "acts_per_hour = 10000" in text
