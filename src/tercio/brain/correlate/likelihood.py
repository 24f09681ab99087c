"""How much a finding weighs: a likelihood ratio from the precision that its rule's level claims."""

from tercio.model.findings import Level

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


def ratio(level: Level) -> float:
    """The likelihood ratio with which one finding moves an unknown asset to the precision of its rule.

    Bayes on the mean of the level's Beta: posterior odds over the odds of the prior.
    """
    true, false = PRECISION[level]
    held = sum(PRIOR[2:])
    return (true / false) / (held / (1 - held))
