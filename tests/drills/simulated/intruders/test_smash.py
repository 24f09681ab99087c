from tercio.drills.simulated.intruders.smash import LOUD
from tests.drills.simulated.intruders.given import driven, local, undefended


def test_each_of_his_attempts_at_a_door_shows():
    assert LOUD.loud
    doors = [deed for deed, _ in undefended("smash", 1, "service")[1] if deed.goal == "enter"]
    assert len(doors) > 1
    assert all(deed.rule for deed in doors)


def test_refused_he_does_not_try_again_from_elsewhere():
    assert len({deed.actor for deed in driven("smash", local)}) == 1
