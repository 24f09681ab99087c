from itertools import pairwise

from tercio.drills.simulated.intruders.waiter import PAUSES
from tests.drills.simulated.intruders.given import driven, local


def test_refused_he_is_silent_longer_each_time():
    deeds = driven("waiter", local)
    silent = [after.at - before.at for before, after in pairwise(deeds)]
    assert list(PAUSES) == sorted(PAUSES)
    assert sum(gap >= PAUSES[-1] for gap in silent) == 1
    assert sum(gap >= PAUSES[1] for gap in silent) >= len(PAUSES) - 1


def test_he_comes_back_when_the_wall_is_gone():
    begun = driven("waiter", local)[0].at
    deeds = driven("waiter", lambda deed: local(deed) or deed.at > begun + PAUSES[0] + PAUSES[1])
    assert deeds[-1].goal == "stop"
