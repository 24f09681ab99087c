"""The scoreboard of many simulated episodes: what one defender did right and wrong, by the truth.

What a drill on the range counts too has the same name here (``drills.scoreboard``).
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tercio.drills.simulated.bounds import binomial_upper, mean_of
from tercio.drills.simulated.episode import Episode
from tercio.model.units import HOUR, SECOND

SHIFT = 8 * HOUR


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """How one defender fared in some episodes.

    ``wrong_rate`` is the share of all episodes in which something innocent was cut off, ``wrong_benign_rate`` that of
    the benign ones, each with its exact one-sided 95 % bound. ``reached`` are the intrusions in which the intruder
    stopped or encrypted something; ``stoppable`` those in which he does where nobody defends, but not where a
    clairvoyant does; ``contained_before_impact`` the share of these in which he did not.

    Times are medians and 95th percentiles (nearest rank), None where there was nothing: from the intruder's first
    sensed deed to the first right act that stood (``time_to_contain``), and how long walls stood after his last deed
    (``time_to_restore``). ``wrong_minutes`` is how long innocents were cut off. ``missed`` are hostile deeds of which
    nobody could know, by reason. ``returned`` counts episodes in which he did something after an act against him had
    ended. Money in whole units of the currency, the mean of an episode: ``attack_lost`` by the intruder,
    ``production_lost`` by processes that the defence stopped, ``cost_of_response`` by what it cut off, ``loss`` all
    three. ``evidence`` is how many findings a decision that acted cites.
    """

    episodes: int
    intrusions: int
    benign: int
    wrong_episodes: int
    wrong_rate: float
    wrong_rate_upper95: float
    wrong_benign_rate: float
    wrong_benign_rate_upper95: float
    wrong_containments: int
    wrong_minutes: float
    reached: int
    stoppable: int
    contained_before_impact: float | None
    time_to_contain_p50_ms: float | None
    time_to_contain_p95_ms: float | None
    time_to_restore_p50_s: float | None
    returned: int
    acts: int
    disturbed: int
    views_lost: int
    alarms_lost: int
    trips: int
    missed: dict[str, int]
    questions_a_shift: float
    incidents: int
    evidence: float | None
    attack_lost: float
    production_lost: float
    cost_of_response: float
    loss: float


def board(told: Sequence[Episode], stoppable: frozenset[int]) -> Board:
    """Score one defender's episodes. ``stoppable`` are the seeds in which a clairvoyant stops what else is reached."""
    benign = [each for each in told if not each.intruder]
    wrong, wrong_benign = _wrong(told), _wrong(benign)
    able = [each for each in told if each.seed in stoppable]
    contained = [each.contained - each.sensed for each in told if each.contained and 0 < each.sensed < each.contained]
    walls = [each.restored for each in told if each.intruder and each.acts]
    shifts = sum(each.length for each in told) / SHIFT
    decided = sum(each.decisions for each in told if each.acts)
    return Board(
        episodes=len(told),
        intrusions=len(told) - len(benign),
        benign=len(benign),
        wrong_episodes=wrong,
        wrong_rate=_share(wrong, len(told)),
        wrong_rate_upper95=round(binomial_upper(wrong, len(told)), 6),
        wrong_benign_rate=_share(wrong_benign, len(benign)),
        wrong_benign_rate_upper95=round(binomial_upper(wrong_benign, len(benign)), 6),
        wrong_containments=sum(len(each.wrong) for each in told),
        wrong_minutes=round(sum(a.ended - a.since for e in told for a in e.wrong) / (60 * SECOND), 1),
        reached=sum(bool(each.impacts) for each in told),
        stoppable=len(able),
        contained_before_impact=_share(sum(not each.impacts for each in able), len(able)) if able else None,
        time_to_contain_p50_ms=_rank(contained, 0.5, SECOND // 1000),
        time_to_contain_p95_ms=_rank(contained, 0.95, SECOND // 1000),
        time_to_restore_p50_s=_rank(walls, 0.5, SECOND),
        returned=sum(each.returned for each in told),
        acts=sum(len(each.acts) for each in told),
        disturbed=sum(each.disturbed for each in told),
        views_lost=sum(each.views_lost for each in told),
        alarms_lost=sum(each.alarms_lost for each in told),
        trips=sum(len(each.trips) for each in told),
        missed=_summed(each.missed for each in told),
        questions_a_shift=round(sum(each.questions for each in told) / shifts, 3) if shifts else 0.0,
        incidents=sum(each.incidents for each in told),
        evidence=round(sum(each.cited for each in told) / decided, 2) if decided else None,
        attack_lost=_mean(each.attack for each in told),
        production_lost=_mean(sum(trip.cost for trip in each.trips) for each in told),
        cost_of_response=_mean(sum(act.cost for act in each.acts) for each in told),
        loss=_mean(map(loss, told)),
    )


def loss(told: Episode) -> int:
    """All that an episode cost the site (cents)."""
    return told.attack + told.production


def _wrong(told: Iterable[Episode]) -> int:
    return sum(bool(each.wrong) for each in told)


def _share(some: int, of: int) -> float:
    return round(some / of, 6) if of else 0.0


def _mean(cents: Iterable[int]) -> float:
    return round(mean_of([amount / 100 for amount in cents]), 2)


def _rank(values: Sequence[int], share: float, unit: int) -> float | None:
    if not values:
        return None
    return round(sorted(values)[max(0, -(-round(share * 100) * len(values) // 100) - 1)] / unit, 3)


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for reason, many in each.items():
            total[reason] = total.get(reason, 0) + many
    return dict(sorted(total.items()))
