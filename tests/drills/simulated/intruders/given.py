"""Intruders at work where nobody defends, and where nothing works."""

from collections.abc import Callable
from functools import cache

import msgspec

from tercio.drills.baselines.nothing import Nothing
from tercio.drills.simulated.deeds import Announced, Answer, Deed, Play
from tercio.drills.simulated.episode import START, Episode, Scenario, play
from tercio.drills.simulated.estate import Estate, make
from tercio.drills.simulated.intruders import INTRUDERS
from tercio.drills.simulated.parameters import FITTED, Parameters

MOST = 5_000
"""Whoever does more than this never gives up."""

Things = list[tuple[Deed | Announced, bool]]


def parameters(name: str) -> Parameters:
    return msgspec.structs.replace(FITTED, length=INTRUDERS[name].length)


@cache
def undefended(name: str, seed: int, kind: str = "plant") -> tuple[Episode, Things]:
    """One whole episode without a defender, and every deed of its intruder with whether it worked."""
    done: Things = []

    def cast(estate: Estate, given: Parameters, seed: int, start: int) -> list[Play]:
        return [noted(each, done) for each in INTRUDERS[name].plays(estate, given, seed, start)]

    estate = make(seed, kind, (20, 40, 120)[seed % 3])
    told = Scenario(seed=seed, estate=estate, parameters=parameters(name), intruder=name, cast=cast)
    return play(told, lambda _: Nothing(), "nothing"), done


def noted(each: Play, done: Things) -> Play:
    thing = next(each, None)
    while thing is not None:
        answer = yield thing
        done.append((thing, answer.worked))
        try:
            thing = each.send(answer)
        except StopIteration:
            return


def driven(name: str, works: Callable[[Deed], bool], seed: int = 1, kind: str = "plant") -> list[Deed | Announced]:
    """What the first play of a kind does where ``works`` says what works."""
    estate = make(seed, kind, 40)
    each = INTRUDERS[name].plays(estate, parameters(name), seed, START)[0]
    found = [next(each)]
    try:
        while len(found) < MOST:
            thing = found[-1]
            found.append(each.send(Answer(thing.at, isinstance(thing, Announced) or works(thing))))
    except StopIteration:
        return found
    raise AssertionError(f"{name} never ends")


def local(deed: Deed) -> bool:
    """Whether a deed is done on the doer's own host, where no wall is in the way."""
    return deed.dst in ("", deed.actor)
