"""What one more hostile trial costs the site against what it costs him: from one to ten thousand a day."""

from collections.abc import Iterator

import msgspec

from tercio.drills.baselines import DEFENDERS, TERCIO
from tercio.drills.simulated.benign import DAY
from tercio.drills.simulated.board import loss
from tercio.drills.simulated.bounds import mean_of
from tercio.drills.simulated.deeds import Play
from tercio.drills.simulated.episode import Episode, Scenario, play
from tercio.drills.simulated.estate import Estate, make
from tercio.drills.simulated.intruders.moves import Cast, Intruder
from tercio.drills.simulated.intruders.swarm import MACHINE, outside
from tercio.drills.simulated.parameters import FITTED, Parameters
from tercio.drills.simulated.truth import Truth

COUNTS = (1, 10, 100, 1_000, 10_000)
"""Trials a day."""

HIS = 100
"""What a trial costs him (cents): an address that nobody has listed yet, and minutes of a rented machine. Assumed."""

QUESTION = 800
"""What a question costs the site (cents): eight minutes of a person at 60 an hour. Assumed."""

PLACES = 3
"""Different estates: service firms of fifty assets, whose outer doors are open to all the world."""


class Point(msgspec.Struct, frozen=True):
    """So many trials a day: what one of them costs the site on average (cents), how often that is what it costs him,
    and how many acts and questions all of them came to in a place."""

    trials: int
    cost: float
    ratio: float
    acts: float
    questions: float


def curve(seed: int, most: int, defender: str = TERCIO) -> Iterator[Point]:
    """The points up to ``most`` trials, the fewest first. Nobody else is at work there: all that it costs is theirs."""
    for trials in (count for count in COUNTS if count <= most):
        told = [_day(seed + place, trials, defender) for place in range(PLACES)]
        cost = mean_of([loss(each) + QUESTION * each.questions for each in told]) / trials
        acts, questions = mean_of([len(each.acts) for each in told]), mean_of([each.questions for each in told])
        yield Point(trials, round(cost, 2), round(cost / HIS, 4), round(acts, 2), round(questions, 2))


def _day(seed: int, trials: int, defender: str) -> Episode:
    truth = Truth()
    given = Scenario(
        seed=seed,
        estate=make(seed, "service", 50),
        parameters=msgspec.structs.replace(FITTED, length=DAY),
        intruder="trials",
        cast=truth.follow(spread(trials)),
    )
    return play(given, lambda brief: DEFENDERS[defender](brief, truth), defender)


def spread(trials: int) -> Cast:
    """So many trials from outside, one after the other, all over the day."""

    def plays(estate: Estate, parameters: Parameters, seed: int, start: int) -> tuple[Play, ...]:
        def trial(number: int) -> Play:
            begins = start + (2 * number + 1) * parameters.length // (2 * trials)
            return outside(Intruder(estate, parameters, f"trial-{number}", MACHINE, seed, begins), number)

        return tuple(trial(number) for number in range(trials))

    return plays
