"""Smash and grab: from an opened mail in the office to what matters, with whatever works, as fast as his hands go.

Copies hands-on criminal intrusions that reach on into OT: T1566, T1059.001, T1021, T0846, T0855; four minutes a door,
so that he is further after the 29 minutes that a breakout takes on average (CrowdStrike, Global Threat Report 2026;
four is assumed). Stopped by refusing his foothold
after the first loud door or the sweep: he does not try again from elsewhere.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone

LOUD = Style(pace=4 * MINUTE)
"""Tools that everybody knows: each attempt shows."""


def _play(who: Intruder) -> Play:
    yield from who.land(who.luck.choice(who.estate.named("workstation")))
    yield from who.campaign()


plays = alone("smash", LOUD, _play)
"""He alone."""
