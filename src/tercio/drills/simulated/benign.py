"""Benign days: everybody's habits, and what looks like an attack and is none, as often as it happens."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from tercio.drills.simulated import lookalikes as acts
from tercio.drills.simulated.deeds import Announced, Deed, Play
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.estate import Estate, Talk
from tercio.drills.simulated.lookalikes import Deeds, benign, controllers_of, session
from tercio.drills.simulated.parameters import Parameters
from tercio.drills.simulated.rules import crossing
from tercio.model.units import HOUR

DAY = 24 * HOUR

WORK = (7, 17)
NIGHT = (1, 3)
ALWAYS = (0, 24)
"""Hours of the day (UTC) between which something happens."""

ANNOUNCED = 0.9
"""The share of maintenance sessions that somebody announces. Assumed; the others are what tempts most."""

HABITS = 120
"""So many sessions a day that say nothing are played, drawn from all: what matches no rule, or is the process at work
by the site's own file, only shows whether a wall disturbs somebody."""

Whose = Callable[[Estate], Sequence[str]]


def _of(*roles: str) -> Whose:
    return lambda estate: estate.named(*roles)


def _plants(*roles: str) -> Whose:
    return lambda estate: estate.named(*roles) if estate.kind == "plant" else ()


def _zones(estate: Estate) -> Sequence[str]:
    return tuple(sorted(estate.site.zones))


def _admins(estate: Estate) -> Sequence[str]:
    return estate.admins


def _deployer(estate: Estate) -> Sequence[str]:
    return estate.named("directory")[:1]


class Lookalike(msgspec.Struct, frozen=True):
    """Something benign that looks hostile: what is done, how often a day each of those whom ``whose`` names does it,
    within which hours, and on what the rate rests. ``strange``: only shifted families know it, and their
    ``Parameters.strange`` sets how often it is."""

    act: Callable[[Estate, random.Random, str, int], Deeds]
    per_day: float
    whose: Whose
    hours: tuple[int, int]
    rests_on: str
    strange: bool = False


LOOKALIKES: dict[str, Lookalike] = {
    "scanner on schedule": Lookalike(
        acts.scan, 0.25, _of("scanner"), NIGHT, "assumed: twice a week (CIS Controls 7.5 asks for four a year at least)"
    ),
    "scanner off schedule": Lookalike(acts.scan, 0.02, _of("scanner"), WORK, "assumed: every seventh week"),
    "backup": Lookalike(acts.backup, 1.0, _of("backup", "ews"), NIGHT, "assumed: nightly"),
    "screen restarts": Lookalike(acts.restart, 0.03, _of("hmi"), ALWAYS, "assumed: once a month, by its updates"),
    "address moves": Lookalike(
        acts.moved, 0.004, _of("workstation"), WORK, "assumed: leases of 8 days (Windows' default) of which few lapse"
    ),
    "sweep in a screen's name": Lookalike(acts.spoofed, 0.002, _of("hmi"), WORK, "assumed: rare"),
    "patch day": Lookalike(acts.patched, 1 / 30, _deployer, WORK, "Microsoft patches on one Tuesday a month"),
    "machine that nobody listed": Lookalike(acts.newcomer, 0.01, _zones, WORK, "assumed: a contractor in a quarter"),
    "password mistyped": Lookalike(
        acts.typo,
        0.15,
        _of("workstation"),
        WORK,
        "assumed: once in seven days; Chatterjee et al., IEEE S&P 2016, find"
        " that typing errors alone turn away 3 % of users a day",
    ),
    "old password in a script": Lookalike(acts.stale, 0.01, _of("server", "web"), ALWAYS, "assumed"),
    "crowd behind one address": Lookalike(acts.crowd, 0.01, _of("vpn", "jump"), WORK, "assumed: four mornings a year"),
    "administration": Lookalike(acts.administered, 0.4, _admins, WORK, "assumed: two days in five"),
    "tools on hosts": Lookalike(acts.tool, 0.005, _of("workstation", "server"), WORK, "assumed: after exceptions"),
    "vendor's visit": Lookalike(acts.visit, 0.05, _of("jump", "vpn"), WORK, "assumed: once in three weeks"),
    "outer world": Lookalike(acts.outer, 4.0, _of("web", "mail", "vpn", "jump"), ALWAYS, "assumed, bounded for speed"),
    "updates from neighbours": Lookalike(acts.mesh, 0.1, _of("jump", "ews"), ALWAYS, "new kind", strange=True),
    "new inventory": Lookalike(acts.inventory, 0.2, _plants("scanner"), WORK, "new kind", strange=True),
    "new optimiser": Lookalike(acts.optimised, 0.05, _plants("historian"), WORK, "new kind", strange=True),
    "macro goes round": Lookalike(acts.rollout, 0.1, _deployer, WORK, "new kind", strange=True),
    "new provider": Lookalike(acts.offsite, 0.2, _of("server"), NIGHT, "new kind", strange=True),
}
"""All kinds by name. Rates are of one a day by each; "assumed" ones are no measurement, and the shifted families
multiply them by 0.3 to 3."""


def day(estate: Estate, parameters: Parameters, seed: int, start: int) -> Sequence[Play]:
    """All that happens by itself during an episode: one play for each kind, and one each for habits and maintenance."""
    end = start + parameters.length
    parts: dict[str, Iterable[Deed | Announced]] = {
        "habits": _habits(estate, parameters, dice(seed, "habits"), start),
        "maintenance": _maintenance(estate, parameters, dice(seed, "maintenance"), start),
    }
    for name, kind in LOOKALIKES.items():
        parts[name] = _occasions(kind, estate, parameters, dice(seed, "benign", name), start)
    ordered = (
        sorted((thing for thing in things if thing.at < end), key=lambda thing: thing.at) for things in parts.values()
    )
    return tuple(_played(things) for things in ordered)


def _played(things: Iterable[Deed | Announced]) -> Play:
    """Whatever came of it, people go on with their day."""
    for thing in things:  # noqa: UP028 (an answer is sent for each, which a list cannot take)
        yield thing


def _occasions(kind: Lookalike, estate: Estate, parameters: Parameters, luck: random.Random, start: int) -> Deeds:
    rate = kind.per_day * (parameters.strange if kind.strange else parameters.noise)
    for who in kind.whose(estate):
        for at in times(luck, rate, kind.hours, start, parameters.length):
            yield from kind.act(estate, luck, who, at)


def times(luck: random.Random, per_day: float, hours: tuple[int, int], start: int, length: int) -> Iterator[int]:
    """Instants of something that happens ``per_day`` times on average, at any moment between these hours of a day."""
    first, last = hours
    for midnight in range(start // DAY * DAY, start + length, DAY):
        waited = luck.expovariate(1.0)
        while waited < per_day:
            waited += luck.expovariate(1.0)
            at = midnight + round(luck.uniform(first, last) * HOUR)
            if start <= at < start + length:
                yield at


def _habits(estate: Estate, parameters: Parameters, luck: random.Random, start: int) -> Deeds:
    """Everybody's ordinary sessions. Those that a rule speaks of are all played, the others thinned."""
    quiet = [talk for talk in estate.talks if _says_nothing(estate, talk) and talk.service != "s7"]
    told = [talk for talk in estate.talks if not _says_nothing(estate, talk)]
    share = min(1.0, HABITS / max(1.0, parameters.noise * sum(talk.per_day for talk in quiet)))
    for talks, rate in ((told, parameters.noise), (quiet, parameters.noise * share)):
        for talk in talks:
            for at in times(luck, talk.per_day * rate, WORK, start, parameters.length):
                if talk.service == "modbus":
                    yield benign(at, talk.src, talk.dst, talk.service, "modbus-write")
                else:
                    yield session(estate, at, talk.src, talk.dst, talk.service)


def _says_nothing(estate: Estate, talk: Talk) -> bool:
    return not crossing(estate, talk.src, talk.dst, talk.service)


def _maintenance(estate: Estate, parameters: Parameters, luck: random.Random, start: int) -> Deeds:
    """Programs are loaded as often as the estate's habits say, most of them announced."""
    for station in estate.named("ews"):
        rate = sum(talk.per_day for talk in estate.talks if talk.src == station and talk.service == "s7")
        for at in times(luck, rate * parameters.noise, WORK, start, parameters.length):
            if controllers_of(estate, station):
                yield from acts.loads(estate, luck, station, at, announced=luck.random() < ANNOUNCED)
