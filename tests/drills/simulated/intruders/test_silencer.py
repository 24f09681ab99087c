from tercio.drills.simulated.deeds import Answer, Goal
from tercio.drills.simulated.estate import make
from tercio.drills.simulated.intruders.silencer import plays
from tercio.drills.simulated.parameters import FITTED
from tests.drills.simulated.intruders.given import undefended


def test_the_sensor_is_silent_before_he_moves_and_deeds_are_missed_for_it():
    episode, done = undefended("silencer", 1)
    assert [deed.goal for deed, _ in done[:2]] == [Goal.ENTER, Goal.BLIND]
    assert episode.missed["sensor silent"] > 0


def test_it_is_a_sensor_of_the_place():
    estate = make(3, "service", 40)
    play = plays(estate, FITTED, 3, 0)[0]
    blinded = play.send(Answer(next(play).at, worked=True))
    assert blinded.dst in {post.source for post in estate.posts}
