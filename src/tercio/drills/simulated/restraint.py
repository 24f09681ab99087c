"""What a drill on the simulated site says of restraint: Tercio beside its baselines, on the same seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tercio.drills.baselines import CLAIRVOYANT, TERCIO
from tercio.drills.simulated.board import Board, board, loss
from tercio.drills.simulated.bounds import mean_interval, mean_of
from tercio.drills.simulated.drill import Drill
from tercio.drills.simulated.episode import Episode

UNDEFENDED = "do nothing"
REFERENCES = (CLAIRVOYANT, UNDEFENDED)
"""Who must play each seed, so that it is known what he reaches undefended, and what can be stopped at all."""


class Saved(msgspec.Struct, frozen=True):
    """How much less an episode costs than with a baseline: the mean over the same seeds, its one-sided 95 % lower
    bound, and its 95 % interval (paired bootstrap). Whole units of the currency."""

    mean: float
    lower95: float
    interval95: tuple[float, float]


def stoppable(told: Iterable[Episode]) -> frozenset[int]:
    """The seeds in which the intruder reaches something undefended, and nothing against a clairvoyant."""
    reached = {(each.defender, each.seed): bool(each.impacts) for each in told if each.defender in REFERENCES}
    return frozenset(
        seed
        for defender, seed in reached
        if defender == UNDEFENDED and reached[defender, seed] and reached.get((CLAIRVOYANT, seed)) is False
    )


def restraint(told: Sequence[Episode], drill: Drill, defender: str = TERCIO) -> dict[str, Any]:
    """The keys of the measurement, for one of the drill's defenders beside all others that played."""
    able = stoppable(told)
    names = tuple(dict.fromkeys(each.defender for each in told))
    boards = {name: board([each for each in told if each.defender == name], able) for name in names}
    own, mine = boards[defender], [each for each in told if each.defender == defender]
    families = grouped(mine, "family", able)
    worst = max(families, key=lambda name: (families[name].wrong_rate, _short(families[name]), name), default="")
    return {
        "defender": defender,
        "wrong_rate": own.wrong_rate,
        "wrong_benign_rate": own.wrong_benign_rate,
        "wrong_rate_upper95": own.wrong_rate_upper95,
        "contained_before_impact": own.contained_before_impact,
        "money_saved": {
            name: saved(told, defender, name, drill.first) for name in names if name not in (defender, CLAIRVOYANT)
        },
        "baselines": {name: boards[name] for name in names if name != defender},
        "board": own,
        "families": families,
        "worst_family": worst,
        "intruders": grouped([each for each in mine if each.intruder], "intruder", able),
        "wrong_seeds": sorted({each.seed for each in mine if each.wrong}),
        "lost_seeds": sorted(each.seed for each in mine if each.seed in able and each.impacts),
        "seed": drill.first,
        "n": drill.seeds,
    }


def saved(told: Sequence[Episode], defender: str, baseline: str, seed: int) -> Saved:
    """What one defender spares the site against another, on the seeds that both played."""
    lost = {name: {e.seed: loss(e) for e in told if e.defender == name} for name in (defender, baseline)}
    seeds = sorted(lost[defender].keys() & lost[baseline].keys())
    pairs = [(lost[baseline][each] - lost[defender][each]) / 100 for each in seeds]
    lower, low, high = mean_interval(pairs, seed)
    return Saved(round(mean_of(pairs), 2), round(lower, 2), (round(low, 2), round(high, 2)))


def grouped(told: Iterable[Episode], field: str, able: frozenset[int]) -> Mapping[str, Board]:
    """One board for each value of a field of the episodes, by that value."""
    groups: dict[str, list[Episode]] = {}
    for each in told:
        groups.setdefault(getattr(each, field), []).append(each)
    return {name: board(groups[name], able) for name in sorted(groups)}


def _short(fared: Board) -> float:
    """How much is missing to containing all that can be."""
    return 0.0 if fared.contained_before_impact is None else 1.0 - fared.contained_before_impact
