from tercio.drills.simulated.episode import START
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.parameters import FITTED
from tercio.drills.simulated.trials import HIS, PLACES, curve, spread


def test_trials_come_from_outside_all_over_the_day():
    plays = spread(6)(make(1, "service", 50), FITTED, 3, START)
    deeds = [next(each) for each in plays]
    assert all(deed.hostile and deed.actor.startswith("203.0.113.") for deed in deeds)
    middles = [START + (2 * n + 1) * FITTED.length // 12 for n in range(6)]
    assert [deed.at for deed in deeds] == middles


def test_what_one_costs_us_is_held_against_what_it_costs_him():
    points = list(curve(1, 10, "do nothing"))
    assert [point.trials for point in points] == [1, 10]
    for point in points:
        assert point.ratio == round(point.cost / HIS, 4)
        assert (point.acts, point.questions) == (0.0, 0.0)
    asked = list(curve(1, 10, "always ask"))[-1]
    assert asked.questions > 0
    assert PLACES > 1
