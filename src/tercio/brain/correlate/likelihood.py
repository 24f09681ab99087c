"""How much a finding weighs: a likelihood ratio from the precision of its rule."""

from tercio.model.findings import Level
from tercio.model.incidents import Stage
from tercio.model.precision import PRIORS

PRIOR = (0.998, 0.001, 0.0007, 0.0002, 0.0001)
"""Belief in an asset of which nothing is known: clean, touched, foothold, control, impact. A thousandth is held."""

FORGEABLE_CEILING = 0.3
"""What any host on the wire can forge may raise attention, never belief above this: it contains nothing alone."""

EXCUSED_WEIGHT = 0.15
"""Exponent on the ratio of what a window or schedule announced: weaker, never nothing."""


def claimed(level: Level) -> float:
    """The odds that a rule of this level is right, before anybody judged what it said."""
    right, wrong = PRIORS[level]
    return right / wrong


def ratio(odds: float, stage: Stage) -> float:
    """The likelihood ratio with which one finding moves an unknown asset to the precision of its rule: that the
    intruder is at least at ``stage`` is then as likely as the rule is right.

    ``odds`` are those that the rule is right: posterior odds over the odds of the prior; never below 1. ``touched`` is
    weighed against clean alone.
    """
    prior = sum(PRIOR[stage:]) if stage > Stage.TOUCHED else PRIOR[1] / (PRIOR[0] + PRIOR[1])
    return max(1.0, odds / (prior / (1 - prior)))
