"""An engineering station from within: somebody who may be there does what he must not.

Copies the dismissed engineer (Maroochy Water, 2000) and the station that came infected from a supplier: T0847, T0859,
T0843, T0855. He changes a program first and stops the line minutes later. Stopped, where his station meets its
controllers over the gateway, by cutting his one flow; where they share a switch, by nobody with a hand on the gateway.
"""

from tercio.drills.simulated.deeds import Goal, Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone

AT_HOME = Style(pace=5 * MINUTE, landing=("", "", "remote-access-tool"))


def _play(who: Intruder) -> Play:
    station = who.luck.choice(who.estate.named("ews"))
    yield from who.land(station)
    for target in who.prizes():
        if station not in who.near(target):
            continue
        who.rest(who.style.pace)
        yield from who.do(station, target, "s7", "program-download", Goal.CONTROL)
        if (yield from who.strike(target)):
            return


plays = alone("insider", AT_HOME, _play)
"""He alone."""
