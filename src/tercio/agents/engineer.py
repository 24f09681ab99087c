"""The engineer: leases end by decision, not only by timer."""

from enum import StrEnum

from tercio.model.commands import Effect, EffectState
from tercio.model.units import span as in_words


class Verdict(StrEnum):
    """What to do with a standing lease now. ``HAND_OVER``: it is still wanted but may not last longer, so a named
    person takes it over or it ends by itself."""

    KEEP = "keep"
    RENEW = "renew"
    RELEASE = "release"
    HAND_OVER = "hand over"


def review(
    effect: Effect,
    *,
    belief: float,
    last_evidence: int,
    now: int,
    span: int,
    threshold: float,
    quiet: int,
    longest: int,
) -> tuple[Verdict, str]:
    """Look at a lease of the *held* class (no flow of a process behind it), and say why in one sentence.

    Renewed in the second half of its ``span`` while ``belief`` (probability held) is at or above ``threshold`` or the
    ``quiet`` period since ``last_evidence`` (an instant) has not passed, up to ``longest`` in all. Released when
    neither is so. A renewal lasts until ``now + span`` or ``effect.since + longest``, whichever is sooner.
    """
    if effect.state != EffectState.STANDING or effect.until <= now:
        return Verdict.KEEP, f"nothing to do for a lease that is {effect.state} or over"
    rest = last_evidence + quiet - now
    if belief < threshold and rest <= 0:
        fell = f"the belief that it is held fell to {_apart(belief, threshold)}, below {_percent(threshold)}"
        return Verdict.RELEASE, f"{fell}, and the quiet period has passed"
    why = f"the belief that it is held is {_apart(belief, threshold)}, not below {_percent(threshold)}"
    if belief < threshold:
        why = f"the quiet period lasts {in_words(rest)} more"
    return _prolonged(effect, why, now, span, longest)


def review_open(
    effect: Effect,
    *,
    belief: float,
    last_evidence: int,
    now: int,
    span: int,
    threshold: float,
    quiet: int,
    longest: int,
) -> tuple[Verdict, str]:
    """Look at a lease of the *open* class (a process gives up a flow for it): it ends by itself unless evidence came
    since it last began. Released early, and never beyond ``longest``, as ``review`` does."""
    began = effect.until - span
    verdict, why = review(
        effect,
        belief=belief,
        last_evidence=last_evidence,
        now=now,
        span=span,
        threshold=threshold,
        quiet=quiet,
        longest=longest,
    )
    if verdict in (Verdict.RENEW, Verdict.HAND_OVER) and last_evidence <= began:
        return Verdict.KEEP, "no evidence came since it began, so it ends by itself"
    return verdict, why


def _apart(belief: float, threshold: float) -> str:
    """A belief in per cent, with as many digits as tell it from a threshold that it differs from."""
    for digits in range(5):  # The last is the grain of probabilities.
        if f"{belief:.{digits}%}" != f"{threshold:.{digits}%}":
            return f"{belief:.{digits}%}"
    return _percent(belief)


def _percent(probability: float) -> str:
    return f"{round(100 * probability, 4):g}%"


def _prolonged(effect: Effect, why: str, now: int, span: int, longest: int) -> tuple[Verdict, str]:
    if 2 * (effect.until - now) >= span:
        return Verdict.KEEP, f"{why}; {in_words(effect.until - now)} are left"
    if min(now + span, effect.since + longest) <= effect.until:
        return Verdict.HAND_OVER, f"{why}, but {in_words(longest)} in all is the longest: a person must take over"
    return Verdict.RENEW, why
