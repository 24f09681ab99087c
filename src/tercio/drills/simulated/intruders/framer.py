"""He frames another host: sweeps and writes in its name, so that the defence itself takes it away.

Copies T0856 and T1557 turned on the defence: from a host beside the one whose name he bears he forges packets, of which
no session comes about, then works in his own name while people look at the other. Stopped by believing nothing that
anybody on the wire could have sent; the framed host must never be refused.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.intruders.moves import MINUTE, PORTS, QUICK, Intruder, alone
from tercio.drills.simulated.intruders.smash import LOUD

ROUNDS = 3


def _play(who: Intruder) -> Play:
    yield from who.land(who.luck.choice(who.estate.named("workstation")))
    target = who.prizes()[0]
    if (yield from who.approach(target)):
        here = who.near(target)[0]
        beside = [n for n in who.estate.inside(who.estate.site.zone_of(here)) if n not in who.holds]
        named = who.luck.choice([n for n in beside if not n.startswith("gate-")])
        zone = who.estate.inside(who.estate.site.zone_of(target))
        for _ in range(ROUNDS):
            who.rest(MINUTE)
            for dst, service in [(dst, "modbus") for dst in zone[:10]] + [(zone[0], port) for port in PORTS]:
                who.at += QUICK
                yield from who.do(here, dst, service, "syn-probe", src=named)
            yield from who.do(here, target, "modbus", "modbus-write", src=named)
    who.rest(5 * MINUTE)
    yield from who.campaign()


plays = alone("framer", LOUD, _play)
"""He alone."""
