"""He adapts to containment: refused here, he goes on from there, through another door, with another tool.

Copies crews that keep several footholds (T1104, T1008, T1078): before he moves he has three workstations, and when all
he holds is refused he waits and lands on a fourth. Stopped only by finding what his footholds have in common, or at the
last conduit before what matters.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone

CLEVER = Style(pace=4 * MINUTE, attempt=("ids-attempt", "ids-attempt", ""))

FOOTHOLDS = 3
LIVES = 4
"""So often he begins anew from another workstation."""


def _play(who: Intruder) -> Play:
    people = list(who.estate.named("workstation"))
    who.luck.shuffle(people)
    for host in people[: FOOTHOLDS - 1]:
        yield from who.land(host)
        who.rest(MINUTE)
    for host in people[FOOTHOLDS - 1 :][:LIVES]:
        yield from who.land(host)
        if (yield from who.campaign(everywhere=True)):
            return
        who.rest(10 * MINUTE)


plays = alone("adaptive", CLEVER, _play)
"""He alone."""
