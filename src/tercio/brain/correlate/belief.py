"""A filter over the five stages of one asset."""

from tercio.brain.correlate.likelihood import PRIOR
from tercio.model.incidents import Belief, Stage


def unknown(now: int) -> Belief:
    """The belief in an asset of which nothing is known."""
    return Belief(PRIOR, now)


def decayed(belief: Belief, now: int, half_life: int) -> Belief:
    """Belief as time goes by without evidence: half of what lies above the prior is gone every ``half_life`` (microseconds)."""
    age = max(0, now - belief.as_of)
    weight = 0.5 ** (age / half_life)
    return Belief(
        _rounded([b + weight * (p - b) for p, b in zip(belief.p, PRIOR, strict=True)]), max(now, belief.as_of)
    )


def updated(belief: Belief, stage: Stage, ratio: float, ceiling: float = 1.0) -> Belief:
    """Apply one piece of evidence that the intruder is at least at ``stage``.

    ``ratio`` is its likelihood ratio (at least 1: nothing here exonerates). ``ceiling`` bounds the probability of
    being held that this evidence may lead to; belief that is above it already stays as it is.
    """
    raised = [p * (ratio if s >= stage else 1.0) for s, p in enumerate(belief.p)]
    total = sum(raised)
    after = [p / total for p in raised]
    before_held, after_held = sum(belief.p[2:]), sum(after[2:])
    if after_held > ceiling:
        if before_held >= ceiling:
            return belief
        share = (ceiling - before_held) / (after_held - before_held)
        after = [b + share * (a - b) for a, b in zip(after, belief.p, strict=True)]
    return Belief(_rounded(after), belief.as_of)


def _rounded(p: list[float]) -> tuple[float, float, float, float, float]:
    tail = [round(value, 6) for value in p[1:]]
    clean = round(1.0 - sum(tail), 6)
    return (max(0.0, clean), tail[0], tail[1], tail[2], tail[3])
