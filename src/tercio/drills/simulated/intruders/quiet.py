"""Slow and quiet: stolen accounts and the site's own tools, hours between steps, days in all.

Copies Volt Typhoon and its like (CISA AA24-038A, living off the land): T1078, T1021.001, T1003.003, T1048, T0859,
T0855. His pace is assumed: known campaigns took months, here the same steps take days. Stopped by what is out of the
ordinary about the few steps that show: an administrator's session into OT from a host that never had one, a first
write.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone

QUIET = Style(
    pace=90 * MINUTE,
    landing=("", "encoded-powershell"),
    attempt=("", "", "", "ids-attempt"),
    windows=("", "", "winrm-session", "task-from-command-line", "ntds-copy"),
    linux=("", "", "ssh-key-written"),
)
"""Accounts that work and tools that are there: most steps match nothing."""

UPLOAD = "203.0.113.50"
"""Where what he takes goes: an address for documentation (RFC 5737)."""


def _play(who: Intruder) -> Play:
    first = who.luck.choice(who.estate.named("workstation"))
    yield from who.land(first)
    if (yield from who.break_into(who.estate.site.zone_of(who.estate.named("directory")[0]))):
        who.rest(who.style.pace)
        yield from who.do(first, UPLOAD, "https", "bulk-upload")
    yield from who.campaign(most=1)


plays = alone("quiet", QUIET, _play)
"""He alone."""
