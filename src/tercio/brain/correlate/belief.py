"""A filter over the five stages of one asset."""

from tercio.brain.correlate.likelihood import PRIOR
from tercio.model.incidents import Belief, Stage


def unknown(now: int) -> Belief:
    """The belief in an asset of which nothing is known."""
    return Belief(PRIOR, now)


def decayed(belief: Belief, now: int, half_life: int) -> Belief:
    """Belief as time goes by without evidence: half of what parts it from the prior is gone every ``half_life``
    (microseconds). A ``now`` before the belief's own instant changes nothing."""
    if now <= belief.as_of:
        return belief
    weight = 0.5 ** ((now - belief.as_of) / half_life)
    return Belief(_rounded([b + weight * (p - b) for p, b in zip(belief.p, PRIOR, strict=True)]), now)


def updated(belief: Belief, stage: Stage, ratio: float, ceiling: float = 1.0) -> Belief:
    """Apply one piece of evidence that the intruder is at least at ``stage``.

    ``ratio`` is its likelihood ratio; at 1 or below it changes nothing (nothing here exonerates). ``ceiling`` bounds
    the probability of being held that this evidence may lead to; belief that is above it already stays as it is. That
    he touched an asset only parts the touched from the clean and says nothing of whether he holds it, or else he could
    make a suspect of whomever he likes.
    """
    if ratio <= 1:
        return belief
    before_held = sum(belief.p[2:])
    if stage == Stage.TOUCHED:
        clean, touched = belief.p[0], belief.p[1] * ratio
        share = (1 - before_held) / (clean + touched) if clean + touched else 0.0
        return Belief(_rounded([clean * share, touched * share, *belief.p[2:]]), belief.as_of)
    raised = [p * (ratio if s >= stage else 1.0) for s, p in enumerate(belief.p)]
    total = sum(raised)
    after = [p / total for p in raised]
    after_held = sum(after[2:])
    if after_held > ceiling:
        if before_held >= ceiling:
            return belief
        share = (ceiling - before_held) / (after_held - before_held)
        after = [b + share * (a - b) for a, b in zip(after, belief.p, strict=True)]
    return Belief(_rounded(after), belief.as_of)


def likelier(one: Belief, other: Belief) -> Belief:
    """Whichever of two beliefs in one asset has it held with the greater probability; the first where they agree."""
    return other if other.held > one.held else one


def _rounded(p: list[float]) -> tuple[float, float, float, float, float]:
    """In grains of 1e-6 that sum to one: what rounding leaves over goes to the likeliest stage."""
    clean, touched, foothold, control, impact = (round(value * 1_000_000) for value in p)
    grains = [clean, touched, foothold, control, impact]
    grains[grains.index(max(grains))] += 1_000_000 - sum(grains)
    clean, touched, foothold, control, impact = grains
    return (clean / 1e6, touched / 1e6, foothold / 1e6, control / 1e6, impact / 1e6)
