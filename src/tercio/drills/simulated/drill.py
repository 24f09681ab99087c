"""Many episodes on the simulated site: which seed plays what."""

import msgspec

from tercio.drills.baselines import DEFENDERS
from tercio.drills.simulated.benign import DAY, day
from tercio.drills.simulated.blueprint import Kind
from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.episode import Episode, Scenario, play
from tercio.drills.simulated.estate import Estate, make
from tercio.drills.simulated.intruders import EVERYWHERE, INTRUDERS
from tercio.drills.simulated.intruders.moves import Cast
from tercio.drills.simulated.parameters import FAMILIES, SHIFTED, Parameters
from tercio.drills.simulated.truth import Truth

NOBODY = ""
"""The intruder of an episode in which there is none: a benign day."""

SIZES = (10, 25, 50, 100, 200, 500)
"""How many assets an estate has, small ones as often as large ones."""

ESTATES = 8
"""Different estates of each kind and size. Assumed to be enough: what differs more is who is at work there."""


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """What is played: ``seeds`` episodes from seed ``first`` on, each by all ``defenders`` (names of ``DEFENDERS``).

    Every ``benign``-th seed is a benign day (0: none is), the others have the ``intruders`` in turn; each is of one
    of the ``families`` of parameters, by chance.
    """

    seeds: int
    first: int = 1
    families: tuple[str, ...] = tuple(family.name for family in SHIFTED)
    intruders: tuple[str, ...] = tuple(INTRUDERS)
    defenders: tuple[str, ...]
    benign: int = 2


def scenario(drill: Drill, seed: int) -> Scenario:
    """What a seed of a drill plays."""
    luck = dice("drill", seed)
    family = FAMILIES[luck.choice(drill.families)]
    name = _intruder(drill, seed)
    kinds: tuple[Kind, ...] = INTRUDERS[name].estates if name else EVERYWHERE
    estate = make(luck.randrange(ESTATES), luck.choice(kinds), luck.choice(SIZES))
    length = INTRUDERS[name].length if name else DAY
    parameters = msgspec.structs.replace(family, length=length)
    return Scenario(seed=seed, estate=estate, parameters=parameters, intruder=name, cast=cast(name))


def episodes(drill: Drill, seed: int) -> tuple[Episode, ...]:
    """One seed, played by each defender of a drill: the same world, the same dice."""
    given = scenario(drill, seed)
    return tuple(_played(given, name) for name in drill.defenders)


def _played(given: Scenario, defender: str) -> Episode:
    truth = Truth()
    followed = msgspec.structs.replace(given, cast=truth.follow(given.cast))
    return play(followed, lambda brief: DEFENDERS[defender](brief, truth), defender)


def _intruder(drill: Drill, seed: int) -> str:
    if not drill.intruders or (drill.benign and seed % drill.benign == 0):
        return NOBODY
    place = seed - seed // drill.benign if drill.benign else seed
    return drill.intruders[place % len(drill.intruders)]


def cast(intruder: str) -> Cast:
    """Whoever is at work: people as on every day, and an intruder of this kind among them (empty: none)."""

    def plays(estate: Estate, parameters: Parameters, seed: int, start: int) -> tuple[Play, ...]:
        hostile = INTRUDERS[intruder].plays(estate, parameters, seed, start) if intruder else ()
        return (*hostile, *day(estate, parameters, seed, start))

    return plays
