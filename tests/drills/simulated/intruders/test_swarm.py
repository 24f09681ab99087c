from tercio.drills.simulated.episode import START
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.intruders.swarm import TRIALS, plays
from tercio.drills.simulated.parameters import FITTED
from tests.drills.simulated.intruders.given import undefended


def test_there_are_as_many_trials_as_one_wants_each_begun_after_the_last():
    made = plays(make(1, "plant", 40), FITTED, 1, START, trials=40)
    first = [next(play) for play in made]
    assert len(made) == 40
    assert [deed.at for deed in first] == sorted(deed.at for deed in first)
    assert len({deed.actor for deed in first}) > 30


def test_most_come_from_outside_and_most_of_their_doors_stay_shut():
    done = undefended("swarm", 1, "service")[1]
    outside = [(deed, worked) for deed, worked in done if deed.actor.startswith("203.0.113.")]
    everybody = {deed.actor for deed, _ in outside}
    got_in = {deed.actor for deed, worked in outside if deed.goal == "enter" and deed.dst and worked}
    assert len(everybody) > TRIALS / 2
    assert 0 < len(got_in) < len(everybody) / 2
