"""He silences a sensor first, and works where nobody looks any more.

Copies T1562.001, T0878 and T0881 (Industroyer, 2016, wiped the stations that would have shown it): from his first
host he takes the sensor that watches what matters. Stopped by taking its silence for evidence, or by what the other
sensors, and the hosts' own logs, still tell.
"""

from tercio.drills.simulated.deeds import Goal, Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, alone
from tercio.drills.simulated.intruders.smash import LOUD


def _play(who: Intruder) -> Play:
    yield from who.land(who.luck.choice(who.estate.named("workstation")))
    who.rest(10 * MINUTE)
    yield from who.do(who.holds[0], who.estate.posts[0].source, "", "", Goal.BLIND)
    who.rest(5 * MINUTE)
    yield from who.campaign()


plays = alone("silencer", LOUD, _play)
"""He alone."""
