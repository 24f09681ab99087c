"""A vendor's remote access: the account of a supplier, from his own network, into the DMZ and on.

Copies T0822, T1133, T1199 and T1078, the trusted relationship: the first steps are those of a good day, since
the same address comes for maintenance. Stopped by refusing the sessions into OT or to the servers once one of them
does what maintenance does not.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone

VENDOR = "198.51.100.20"
"""Where the vendor comes from, on good days and bad: an address for documentation (RFC 5737)."""

FAMILIAR = Style(
    pace=6 * MINUTE,
    landing=("",),
    attempt=("", "sign-in-from-afar"),
    windows=("", "remote-access-tool", "firewall-opened"),
    linux=("", "shell-outward"),
)


def _play(who: Intruder) -> Play:
    yield from who.land(VENDOR)
    yield from who.campaign(most=1)


plays = alone("vendor", FAMILIAR, _play)
"""He alone."""
