"""Inside a valid maintenance window: the window is real, the station in it is his.

Copies a compromised engineering station whose owner is at work (T0859, T0843, T0855; TRITON, 2017, came by way of
one): what is announced excuses exactly what he needs. Stopped by what the window does not cover: another
controller, a stop of the line; what it covers weighs less, but not nothing.
"""

from tercio.drills.simulated.deeds import Announced, Goal, Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone

BEHIND = Style(pace=3 * MINUTE, landing=("", "remote-access-tool", "encoded-powershell"))

LENGTH = 120 * MINUTE


def _play(who: Intruder) -> Play:
    station = who.luck.choice(who.estate.named("ews"))
    announced, *others = sorted(who.prizes(), key=lambda name: not who.estate.passable(station, name))
    yield from who.land(station)
    who.rest(who.style.pace)
    answer = yield Announced(at=who.at, until=who.at + LENGTH, asset=station, target=announced, activity="write")
    who.at = answer.at
    who.rest(who.style.pace)
    yield from who.do(station, announced, "s7", "program-download", Goal.CONTROL)
    for target in (*others, announced):
        if station in who.near(target) and (yield from who.strike(target)):
            return


plays = alone("window", BEHIND, _play)
"""He alone."""
