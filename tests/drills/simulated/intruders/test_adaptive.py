from tercio.drills.simulated.intruders.adaptive import FOOTHOLDS, LIVES
from tests.drills.simulated.intruders.given import driven, local


def test_refused_everywhere_he_lands_again_until_he_has_no_lives_left():
    deeds = driven("adaptive", local)
    assert len({deed.actor for deed in deeds if local(deed) and deed.goal == "enter"}) == FOOTHOLDS - 1 + LIVES


def test_with_one_foothold_refused_he_goes_on_from_another():
    first = driven("adaptive", local)[0].actor
    deeds = driven("adaptive", lambda deed: local(deed) or deed.actor != first)
    assert [deed for deed in deeds if deed.goal == "stop" and deed.actor != first]
