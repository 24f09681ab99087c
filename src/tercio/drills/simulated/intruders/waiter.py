"""He waits out the wall: refused, he is silent for hours, and comes back when a lease that nobody renewed has ended.

Copies dormant footholds (T1029, T1497.003): he asks rarely, each time after a longer pause, so that no evidence renews
anything. Stopped by walls that end by decision and not by the clock, and by standing watch over the host after release.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, alone
from tercio.drills.simulated.intruders.smash import LOUD

PAUSES = (20 * MINUTE, 60 * MINUTE, 150 * MINUTE, 300 * MINUTE)
"""How long he is silent after each time that he gets nowhere (microseconds)."""


def _play(who: Intruder) -> Play:
    yield from who.land(who.luck.choice(who.estate.named("workstation")))
    for pause in (*PAUSES, 0):
        if (yield from who.campaign(most=1)) or not pause:
            return
        who.at += pause


plays = alone("waiter", LOUD, _play)
"""He alone."""
