"""How soon the intruder reaches what matters: log-normal time per step, following his own pace."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

from tercio.model.units import SECOND

MEAN_BREAKOUT = 29 * 60 * SECOND
FASTEST_BREAKOUT = 27 * SECOND
"""Published breakout times: 29 minutes on average, 27 seconds at the fastest."""

FASTEST_QUANTILE = 3.0902
"""The fastest of about a thousand recorded intrusions is taken as the 0.1 % quantile (standard deviations)."""


def sigma() -> float:
    """Spread of the logarithm of a step's time, from the published mean and fastest time.

    mean = m exp(s^2/2) and fastest = m exp(-3.09 s) give s^2/2 + 3.09 s = ln(mean / fastest).
    """
    ratio = math.log(MEAN_BREAKOUT / FASTEST_BREAKOUT)
    return -FASTEST_QUANTILE + math.sqrt(FASTEST_QUANTILE**2 + 2 * ratio)


def median_step(tempo: str, steps: Sequence[int]) -> float:
    """Median time of the next step (microseconds), from the prior and the pace seen so far.

    ``tempo`` ``average`` takes the published mean, ``industrialised`` takes the fastest as the median. Intervals
    between ``steps`` (instants of independent evidence) each weigh as much as the prior, as far as they are quicker
    than what the quicker ones say: haste is seen, a pause proves nothing. Nobody is believed to be faster than a tenth
    of the fastest.
    """
    prior = MEAN_BREAKOUT * math.exp(-(sigma() ** 2) / 2) if tempo == "average" else float(FASTEST_BREAKOUT)
    gaps = sorted(max(later - sooner, FASTEST_BREAKOUT // 10) for sooner, later in pairwise(sorted(steps)))
    mean = math.log(prior)
    for count, gap in enumerate(gaps, start=1):
        if math.log(gap) >= mean:
            break
        mean += (math.log(gap) - mean) / (count + 1)
    return math.exp(mean)


@lru_cache(maxsize=4096)
def reaches_within(steps: int, span: int, median: float) -> float:
    """Probability that ``steps`` more steps take at most ``span`` microseconds; a further step never raises it."""
    if steps <= 0:
        return 1.0
    if span <= 0:
        return 0.0
    return min(_sum_within(count, math.log(span / median)) for count in range(1, steps + 1))


def _sum_within(steps: int, log_span: float) -> float:
    centre, spread = _sum_of_steps(steps)
    return round(0.5 * math.erfc((centre - log_span) / (spread * math.sqrt(2))), 6)


@lru_cache(maxsize=256)
def _sum_of_steps(steps: int) -> tuple[float, float]:
    """Mean and spread of the logarithm of the time of so many steps, in medians of one.

    The sum of log-normals is taken as log-normal, one more step at a time, by its moments in the logarithm (Schwartz
    and Yeh); those are sums over quantiles of equal probability.
    """
    if steps == 1:
        return 0.0, sigma()
    centre, spread = _sum_of_steps(steps - 1)
    logs = [math.log(math.exp(centre + spread * a) + math.exp(sigma() * b)) for a in _QUANTILES for b in _QUANTILES]
    mean = math.fsum(logs) / len(logs)
    return mean, math.sqrt(math.fsum((log - mean) ** 2 for log in logs) / len(logs))


_NORMAL = [NormalDist().inv_cdf((k + 0.5) / 32) for k in range(32)]
_WIDTH = math.sqrt(math.fsum(z * z for z in _NORMAL) / len(_NORMAL))
_QUANTILES = [z / _WIDTH for z in _NORMAL]
"""Standard normal quantiles of equal probability, widened to unit variance."""
