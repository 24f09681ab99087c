"""He acts in the minute after release: refused, he knocks softly until he is answered, and then does at once what he
came for.

Copies implants that keep asking for their server (T1008, T1102): one plain connection a minute that matches nothing but
that it was tried. Stopped by a one-step block of what was just released, faster than his next step.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone
from tercio.model.units import SECOND

READY = Style(pace=15 * SECOND)

KNOCKS = 180
"""So often he knocks before he gives up."""


def _play(who: Intruder) -> Play:
    yield from who.land(who.luck.choice(who.estate.named("workstation")))
    here = who.holds[0]
    door = next(name for name in who.estate.inside("dmz") if who.estate.passable(here, name))
    refused = False
    for _ in range(KNOCKS):
        if not refused and (yield from who.campaign(most=1)):
            return
        who.at += MINUTE
        refused = not (yield from who.do(here, door, "https"))


plays = alone("returner", READY, _play)
"""He alone."""
