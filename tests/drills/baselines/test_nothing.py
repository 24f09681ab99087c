from tercio.drills.baselines.nothing import Nothing
from tercio.drills.simulated.deeds import Goal
from tests.drills.baselines.given import played, write


def test_the_intruder_gets_what_he_wants():
    told = played(lambda *_: Nothing(), write(5, "ws1"), write(6, "ws1", goal=Goal.STOP))
    assert (told.acts, told.refused, told.landed, len(told.impacts)) == ((), 0, 2, 1)
    assert (told.questions, told.decisions) == (0, 0)
