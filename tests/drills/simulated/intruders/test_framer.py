from tercio.drills.simulated.intruders.framer import ROUNDS
from tests.drills.simulated.intruders.given import undefended


def test_the_framed_host_is_nobody_that_he_holds_and_nothing_in_its_name_works():
    for seed in (1, 2, 3):
        done = undefended("framer", seed)[1]
        forged = [(deed, worked) for deed, worked in done if deed.forged]
        named = {deed.src for deed, _ in forged}
        assert len(named) == 1
        assert not named & {deed.actor for deed, _ in done}
        assert not any(worked for _, worked in forged)
        assert len(forged) > 5 * ROUNDS
