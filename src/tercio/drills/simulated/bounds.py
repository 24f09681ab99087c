"""How sure counts are: exact one-sided bounds, and intervals of means of pairs. Deterministic."""

import math
from collections.abc import Callable, Sequence

from tercio.drills.simulated.dice import dice

SURE = 0.95
"""How sure one-sided bounds are."""

DRAWS = 2000
"""Samples for one interval."""


def binomial_upper(hits: int, n: int, sure: float = SURE) -> float:
    """The largest probability under which at most so many hits of ``n`` are still as probable as ``1 - sure``
    (Clopper and Pearson's one-sided bound); 1 of nothing. Raises ValueError for counts that cannot be."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n}")
    if hits == n:
        return 1.0
    return _crossing(lambda p: _at_most(hits, lambda k: _binomial(k, n, p)), 1.0 - sure, 1.0)


def poisson_upper(hits: int, sure: float = SURE) -> float:
    """The largest mean under which at most so many events are still as probable as ``1 - sure`` (Garwood's one-sided
    bound). Raises ValueError for a count below 0."""
    if hits < 0:
        raise ValueError(f"{hits} hits")
    most = 10.0 + 2 * hits + 10 * math.sqrt(hits + 1)
    return _crossing(lambda mean: _at_most(hits, lambda k: _poisson(k, mean)), 1.0 - sure, most)


def mean_of(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def mean_interval(values: Sequence[float], seed: int) -> tuple[float, float, float]:
    """Of the mean of differences between pairs: its one-sided lower bound, and its 95 % interval, from means over
    samples of the pairs drawn with replacement (percentile bootstrap)."""
    if not values:
        return 0.0, 0.0, 0.0
    luck = dice(seed, "bootstrap", len(values))
    means = sorted(sum(luck.choices(values, k=len(values))) / len(values) for _ in range(DRAWS))
    return means[round(DRAWS * (1 - SURE))], means[round(DRAWS * 0.025)], means[round(DRAWS * 0.975) - 1]


def _binomial(k: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return float(k == n * p)
    chosen = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(chosen + k * math.log(p) + (n - k) * math.log1p(-p))


def _poisson(k: int, mean: float) -> float:
    return math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) if mean > 0 else float(k == 0)


def _at_most(hits: int, chance: Callable[[int], float]) -> float:
    return math.fsum(chance(k) for k in range(hits + 1))


def _crossing(falling: Callable[[float], float], wanted: float, most: float) -> float:
    """Where a falling function of a number between 0 and ``most`` comes down to a value."""
    low, high = 0.0, most
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > wanted else (low, middle)
    return high
