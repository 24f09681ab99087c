import pytest

from tercio.drills.simulated.blueprint import drawn
from tercio.drills.simulated.dice import dice


@pytest.mark.parametrize("kind", ["plant", "service"])
def test_it_is_as_large_as_asked_and_the_same_each_time(kind):
    one, other = drawn(dice(1), kind, 60), drawn(dice(1), kind, 60)
    assert one == other
    assert len(one.hosts) == 60
    assert drawn(dice(2), kind, 60).text != one.text


def test_a_plant_has_its_cells_and_each_line_stands_in_one():
    plan = drawn(dice(3), "plant", 200)
    assert len(plan.lines) == sum(zone.startswith("ot") for zone in plan.zones) == 6
    zones = {host.name: host.zone for host in plan.hosts}
    for line in plan.lines:
        assert len({zones[name] for name in line.needs if name != "hist1"}) == 1
