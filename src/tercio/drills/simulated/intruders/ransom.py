"""Ransomware: the directory's passwords, every host that opens, all data at once, in the night.

Copies affiliates of the big families: T1566, T1003.001, T1558.003, T1021.002, T1490, T1486. They reach the directory in
about 16 hours (Sophos, Active Adversary Report 2023) and the whole takes days; assumed here is the quick half, some ten
minutes a step. Stopped by refusing his foothold while he collects hosts; once he encrypts, every host that he holds
goes within seconds, and walls come too late.
"""

from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.estate import WEAK
from tercio.drills.simulated.intruders.moves import MINUTE, Intruder, Style, alone

AFFILIATE = Style(
    pace=8 * MINUTE,
    landing=("script-host-starts-powershell", "remote-access-tool", "encoded-powershell"),
    attempt=("ids-attempt", "", "ids-scan"),
    windows=("lsass-memory-read", "psexec-service", "service-runs-a-shell", "program-onto-admin-share"),
)

MOST_HOSTS = 12
"""So many hosts he collects before he encrypts."""


def _play(who: Intruder) -> Play:
    first = who.luck.choice(who.estate.named("workstation"))
    yield from who.land(first)
    who.rest(who.style.pace)
    yield from who.do(first, name="lsass-memory-read")
    yield from who.spray(first)
    yield from who.sweep(who.estate.site.zone_of("file1"))
    valued = [name for name in who.prizes() if who.estate.site.assets[name].role in WEAK]
    others = [*who.estate.named("server", "directory", "historian", "mail", "ews", "hmi", "database")]
    who.luck.shuffle(others)
    for host in dict.fromkeys((*valued, *others)):
        if host not in who.holds and (yield from who.approach(host)):
            yield from who.enter(host)
        if len(who.holds) >= MOST_HOSTS:
            break
    who.rest(3 * who.style.pace)
    for host in who.holds:
        yield from who.encrypt(host)


plays = alone("ransom", AFFILIATE, _play)
"""He alone."""
