import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.drills.range.process import OVERFLOW, UNDERRUN, Coils, Setpoints, Tank, step
from tercio.model.units import SECOND

SCAN = SECOND // 20


def run(seconds, tank=None, coils=None, setpoints=None, meddle=lambda coils: coils):
    """Scan for so many seconds; ``meddle`` is a client that writes the coils before each scan."""
    tank, coils, setpoints = tank or Tank(), coils or Coils(), setpoints or Setpoints()
    levels = []
    for _ in range(int(seconds * 20)):
        tank, coils = step(tank, meddle(coils), setpoints, SCAN)
        levels.append(tank.level)
    return tank, coils, levels


def test_a_healthy_line_fills_bottles_for_an_hour_and_never_trips():
    tank, coils, levels = run(3600)
    assert tank.trips == 0
    assert coils.running
    assert tank.bottles == pytest.approx(3600 * 10, rel=0.01)
    assert min(levels[100:]) > 38
    assert max(levels) < 62


@pytest.mark.parametrize(
    ("setpoints", "reason"),
    [
        (Setpoints(high=900), "overflow"),
        (Setpoints(high=1400), "overflow"),
        (Setpoints(low=950), "overflow"),
        (Setpoints(high=60, low=50), "underrun"),
    ],
)
def test_setpoints_out_of_range_trip_the_line_within_seconds(setpoints, reason):
    tank, coils, _ = run(8, setpoints=setpoints)
    assert (tank.trips, tank.tripped) == (1, reason)
    assert coils == Coils(running=False, valve=False, pump=False)


def test_a_stopped_pump_starves_the_filler():
    tank, _, _ = run(2.5, meddle=lambda coils: msgspec.structs.replace(coils, pump=False))
    assert tank.trips == 0
    tank, _, _ = run(4, meddle=lambda coils: msgspec.structs.replace(coils, pump=False))
    assert (tank.trips, tank.tripped) == (1, "filler starved")


def test_a_trip_is_not_reset_over_the_network():
    tank, _, _ = run(8, setpoints=Setpoints(high=900))
    bottles = tank.bottles
    tank, coils, _ = run(10, tank=tank, meddle=lambda coils: msgspec.structs.replace(coils, running=True))
    assert tank.trips == 1
    assert not coils.running
    assert tank.bottles == bottles


def test_a_line_stopped_by_a_client_stands_still_and_starts_again_with_its_pump():
    tank, coils, _ = run(5, meddle=lambda coils: msgspec.structs.replace(coils, running=False))
    assert (tank.trips, tank.bottles) == (0, 0)
    tank, coils, _ = run(5, tank=tank, coils=msgspec.structs.replace(coils, running=True))
    assert tank.trips == 0
    assert tank.bottles > 40
    assert coils.pump


def test_the_recipe_moves_the_temperature_and_nothing_else():
    warm, _, levels = run(30, setpoints=Setpoints(recipe=300))
    cold, _, same = run(30)
    assert warm.temperature == pytest.approx(30, abs=0.5)
    assert cold.temperature == pytest.approx(21)
    assert levels == same


@given(
    st.lists(
        st.tuples(
            st.builds(Coils, st.booleans(), st.booleans(), st.booleans()),
            st.builds(Setpoints, *[st.integers(0, 65535)] * 3),
            st.integers(0, 5 * SECOND),
        ),
        max_size=40,
    )
)
def test_whatever_is_written_the_tank_stays_a_tank(writes):
    tank = Tank()
    for coils, setpoints, span in writes:
        before = tank
        tank, _ = step(tank, coils, setpoints, span)
        assert 0 <= tank.level <= 100
        assert tank.filled >= before.filled
        assert tank.trips - before.trips in (0, 1)
        assert all(0 <= word <= 0xFFFF for word in tank.inputs())
        if tank.ran:
            assert UNDERRUN < tank.level < OVERFLOW


def test_inputs_are_tenths_and_bottles_in_two_words():
    tank = Tank(level=50.04, temperature=21.06, filled=70000.9, trips=2)
    assert tank.inputs() == [500, 211, 70000 & 0xFFFF, 1, 2]
