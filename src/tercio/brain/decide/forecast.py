"""How soon the intruder reaches what matters: log-normal time per step, following his own pace."""

import math
from collections.abc import Sequence

from tercio.model.units import SECOND

MEAN_BREAKOUT = 29 * 60 * SECOND
FASTEST_BREAKOUT = 27 * SECOND
"""Published breakout times: 29 minutes on average, 27 seconds at the fastest (CrowdStrike, Global Threat Report 2026)."""

_FASTEST_QUANTILE = 3.0902
"""The fastest of about a thousand recorded intrusions is taken as the 0.1 % quantile."""


def sigma() -> float:
    """Spread of the logarithm of a step's time, from the published mean and fastest time.

    mean = m exp(s^2/2) and fastest = m exp(-3.09 s) give s^2/2 + 3.09 s = ln(mean / fastest).
    """
    ratio = math.log(MEAN_BREAKOUT / FASTEST_BREAKOUT)
    return -_FASTEST_QUANTILE + math.sqrt(_FASTEST_QUANTILE**2 + 2 * ratio)


def median_step(tempo: str, steps: Sequence[int]) -> float:
    """Median time of the next step (microseconds), from the prior and the pace seen so far.

    ``tempo`` ``average`` takes the published mean, ``industrialised`` takes the fastest as the median. Each interval
    between two ``steps`` (instants of independent evidence) weighs as much as the prior; nobody is believed to be
    faster than a tenth of the fastest.
    """
    spread = sigma()
    prior = MEAN_BREAKOUT * math.exp(-(spread**2) / 2) if tempo == "average" else float(FASTEST_BREAKOUT)
    ordered = sorted(steps)
    gaps = [max(b - a, FASTEST_BREAKOUT // 10) for a, b in zip(ordered, ordered[1:], strict=False)]
    logs = [math.log(prior), *(math.log(gap) for gap in gaps)]
    return math.exp(sum(logs) / len(logs))


def reaches_within(steps: int, span: int, median: float) -> float:
    """Probability that ``steps`` more steps take at most ``span`` microseconds.

    The sum of log-normals is taken as the log-normal with the same mean and variance (Fenton and Wilkinson).
    """
    if steps <= 0:
        return 1.0
    if span <= 0:
        return 0.0
    spread = sigma()
    variance_term = math.expm1(spread**2)
    mean = steps * median * math.exp(spread**2 / 2)
    spread_of_sum = math.sqrt(math.log1p(variance_term / steps))
    centre = math.log(mean) - spread_of_sum**2 / 2
    return round(0.5 * math.erfc((centre - math.log(span)) / (spread_of_sum * math.sqrt(2))), 6)
