from tercio.drills.simulated.deeds import Goal
from tercio.drills.simulated.intruders.ransom import MOST_HOSTS
from tests.drills.simulated.intruders.given import undefended


def test_he_encrypts_nothing_before_he_has_collected_what_he_wants_and_then_all_of_it():
    for kind in ("plant", "service"):
        _, done = undefended("ransom", 2, kind)
        entered = [deed for deed, worked in done if deed.goal == Goal.ENTER and worked]
        encrypted = [deed for deed, worked in done if deed.goal == Goal.ENCRYPT and worked]
        assert max(deed.at for deed in entered) < min(deed.at for deed in encrypted)
        assert {deed.actor for deed in encrypted} == {deed.dst or deed.actor for deed in entered}
        assert 3 <= len(encrypted) <= MOST_HOSTS
