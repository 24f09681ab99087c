"""A swarm of cheap trials: programs that try the same few doors all over the place, at machine speed, side by side.

Copies industrialised attacks (the fastest breakout on record took 27 seconds, CrowdStrike 2026): T1190, T1110, T1133,
T1566. Each trial costs him next to nothing; most end at their first door. Stopped by refusing each that gets on; to
refuse the others, one by one, is what he would like.
"""

from collections.abc import Sequence

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.estate import Estate
from tercio.drills.simulated.intruders.moves import Intruder, Style, begins
from tercio.drills.simulated.parameters import Parameters
from tercio.model.units import SECOND

MACHINE = Style(pace=20 * SECOND)

TRIALS = 12
"""So many trials side by side."""

INSIDE = 0.2
"""The share of trials that begin at a workstation, by mail; the others come from outside."""

FITS = 0.15
"""The share of doors for which a trial has a key at all: a password or a hole that is in fashion. Assumed."""

APART = 90 * SECOND
"""From one trial's beginning to the next (microseconds)."""


def plays(estate: Estate, parameters: Parameters, seed: int, start: int, trials: int = TRIALS) -> Sequence[Play]:
    """Each trial is a play of its own."""
    first = begins("swarm", parameters, seed, start)
    made = []
    for number in range(trials):
        who = Intruder(estate, parameters, f"swarm-{number}", MACHINE, seed, first + number * APART)
        made.append(_inside(who) if number == 0 or who.luck.random() < INSIDE else outside(who, number))
    return tuple(made)


def _inside(who: Intruder) -> Play:
    yield from who.land(who.luck.choice(who.estate.named("workstation")))
    yield from who.campaign(most=1)


def outside(who: Intruder, number: int) -> Play:
    """He tries every door to the outer world, and goes on only where one gives way at once."""
    yield from who.land(f"203.0.113.{100 + number % 100}", "")
    doors = list(who.estate.inside("dmz"))
    for host in who.luck.sample(doors, min(3, len(doors))):
        if who.luck.random() >= FITS:
            who.rest(who.style.pace)
            yield from who.do(who.holds[0], host, "https", "ids-attempt")
        elif (yield from who.enter(host)):
            yield from who.campaign(most=1)
            return
