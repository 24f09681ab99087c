"""A flood as cover: thousands of alarms about nothing, and among them the one who works.

Copies T1499 and T0814 used as a distraction, as in the attack on Ukraine's grid in 2015, where calls flooded the help
desk. The flood comes from outside and from a few hosts that he has; it does no harm by itself. Stopped by whoever finds
the quiet one among it, and does not spend his walls on the noise.
"""

from collections.abc import Sequence

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.estate import Estate
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, begins
from tercio.drills.simulated.parameters import Parameters
from tercio.model.units import SECOND

WORKER = Style(pace=2 * MINUTE)

NOISE = ("service-flooded", "ids-scan", "ids-attempt", "service-flooded")

FLOODERS = 5
DEEDS = 60
"""So many hosts flood, each with so many records. Bounded for speed: what is flooded is a person's eye, and the bench
``flood`` measures the loop against a hundred thousand."""


def plays(estate: Estate, parameters: Parameters, seed: int, start: int) -> Sequence[Play]:
    """The worker, and those who flood for him."""
    at = begins("cover", parameters, seed, start)
    worker = Intruder(estate, parameters, "cover", WORKER, seed, at)
    floods = [
        _flood(Intruder(estate, parameters, f"cover-{n}", WORKER, seed, at + n * MINUTE), n) for n in range(FLOODERS)
    ]
    return _work(worker), *floods


def _work(who: Intruder) -> Play:
    yield from who.land(who.luck.choice(who.estate.named("workstation")))
    yield from who.campaign()


def _flood(who: Intruder, number: int) -> Play:
    host = f"203.0.113.{200 + number}"
    yield from who.land(host, "")
    targets = who.estate.inside("dmz")
    for _ in range(DEEDS):
        who.rest(10 * SECOND)
        yield from who.do(host, who.luck.choice(targets), "https", who.luck.choice(NOISE))
