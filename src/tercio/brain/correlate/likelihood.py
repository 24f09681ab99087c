"""How much a finding weighs: a likelihood ratio from the precision that its rule's level claims."""

from tercio.model.findings import Level
from tercio.model.incidents import Stage

PRIOR = (0.998, 0.001, 0.0007, 0.0002, 0.0001)
"""Belief in an asset of which nothing is known: clean, touched, foothold, control, impact. A thousandth is held."""

PRECISION: dict[Level, tuple[float, float]] = {
    Level.INFORMATIONAL: (1, 999),
    Level.LOW: (1, 9),
    Level.MEDIUM: (4, 6),
    Level.HIGH: (8, 2),
    Level.CRITICAL: (19, 1),
}
"""Beta prior of a rule's precision by its level: true and false findings, until outcomes and drills replace them."""

FORGEABLE_CEILING = 0.3
"""What any host on the wire can forge may raise attention, never belief above this: it contains nothing alone."""

EXCUSED_WEIGHT = 0.15
"""Exponent on the ratio of what a window or schedule announced: weaker, never nothing."""


def ratio(level: Level, stage: Stage) -> float:
    """The likelihood ratio with which one finding moves an unknown asset to the precision of its rule: that the
    intruder is at least at ``stage`` is then as likely as the rule is right.

    Bayes on the mean of the level's Beta: posterior odds over the odds of the prior; never below 1. ``touched`` is
    weighed against clean alone.
    """
    true, false = PRECISION[level]
    prior = sum(PRIOR[stage:]) if stage > Stage.TOUCHED else PRIOR[1] / (PRIOR[0] + PRIOR[1])
    return max(1.0, (true / false) / (prior / (1 - prior)))
