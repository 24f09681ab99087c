from tercio.drills.simulated.intruders.returner import KNOCKS
from tercio.model.units import SECOND
from tests.drills.simulated.intruders.given import driven, local


def test_let_in_again_he_has_done_what_he_came_for_within_minutes_and_the_first_step_at_once():
    begun = driven("returner", local)[0].at
    free = begun + 3 * 3600 * SECOND
    deeds = driven("returner", lambda deed: local(deed) or deed.at > free)
    after = [deed for deed in deeds if deed.at > free]
    assert not after[0].rule
    assert after[1].at - free < 180 * SECOND
    assert deeds[-1].goal == "stop"


def test_he_does_not_knock_for_ever():
    assert 10 < len(driven("returner", local)) <= 2 * KNOCKS
