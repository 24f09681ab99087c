"""How precise rules are: counted by incidents that people judged, from the prior of each rule's level on.

A thousand copies of a finding are one incident, and one verdict. Whoever attacks can make a rule fire, but gives no
verdict; what verdicts may do in a day, and in all, is bounded, so that neither he, by what he makes people judge, nor a
careless click teaches a rule much at once.
"""

from collections.abc import Iterable, Mapping
from math import exp, lgamma, log

import msgspec

from tercio.model.findings import Finding, Level
from tercio.model.precision import PRIORS, Judged, Judgement, Learned, Precision
from tercio.model.units import HOUR

A_DAY = 3
"""Verdicts that may move one rule on one day (UTC); further ones are kept, and move nothing."""

VERSIONS = 4
"""So many versions of a rule are remembered, the present one first."""

DAY = 24 * HOUR

Precisions = Mapping[str, tuple[Precision, ...]]
"""By rule, what is known of its versions, the present one first."""

_CEILING = {
    Level.INFORMATIONAL: Level.INFORMATIONAL,
    Level.LOW: Level.MEDIUM,
    Level.MEDIUM: Level.HIGH,
    Level.HIGH: Level.CRITICAL,
    Level.CRITICAL: Level.CRITICAL,
}


def fired(
    known: Precisions, findings: Iterable[Finding], gained: Iterable[tuple[str, str]]
) -> dict[str, tuple[Precision, ...]]:
    """Count findings, and the incidents that ``gained`` a version of a rule (rule, version) by them."""
    after = dict(known)
    for finding in findings:
        now = _present(after, finding)
        now = msgspec.structs.replace(now, fired=now.fired + 1, last=max(now.last, finding.time))
        after[finding.rule] = (now, *after[finding.rule][1:])
    for rule, version in gained:
        after[rule] = tuple(
            msgspec.structs.replace(each, incidents=each.incidents + (each.version == version)) for each in after[rule]
        )
    return after


def _present(known: dict[str, tuple[Precision, ...]], finding: Finding) -> Precision:
    """The version that the finding is of, put first: a rule that was edited begins anew, one that was put back goes on
    where it was."""
    versions = known.get(finding.rule, ())
    if not versions or versions[0].version != finding.version:
        new = Precision(
            rule=finding.rule,
            version=finding.version,
            title=finding.title,
            level=finding.level,
            since=finding.received,
        )
        again = next((each for each in versions if each.version == finding.version), new)
        versions = (again, *(each for each in versions if each is not again))[:VERSIONS]
        known[finding.rule] = versions
    return versions[0]


def judged(
    known: Precisions, before: Iterable[Judged], said: Mapping[tuple[str, str], Judgement], now: int
) -> tuple[dict[str, tuple[Precision, ...]], tuple[Judged, ...]]:
    """Take in what a person says of rules (rule, version) in one incident, in place of what was said ``before``.

    Returns what is known then, and what holds of this incident: of rules not named now, what was said before. What
    moved a rule before moves it the other way without a further allowance: a mistake can be mended at once.
    """
    after, standing = dict(known), {(each.rule, each.version): each for each in before}
    for key, judgement in said.items():
        old = standing.pop(key, None)
        place = next((i for i, each in enumerate(after.get(key[0], ())) if each.version == key[1]), None)
        if place is None:
            continue
        precision = after[key[0]][place]
        if old is not None:
            precision = _counted(precision, old, -1)
        if judgement != Judgement.WITHDRAWN:
            new, precision = _allowed(precision, key, judgement, now, free=old is not None and old.counted)
            precision = _counted(precision, new, 1)
            standing[key] = new
        after[key[0]] = (*after[key[0]][:place], precision, *after[key[0]][place + 1 :])
    return after, tuple(standing[key] for key in sorted(standing))


def _allowed(
    precision: Precision, key: tuple[str, str], judgement: Judgement, now: int, *, free: bool
) -> tuple[Judged, Precision]:
    """What a verdict becomes, and the rule with its allowance spent."""
    if judgement == Judgement.UNSURE:
        return Judged(*key, judgement, counted=False), precision
    day = now // DAY
    spent = precision.spent if precision.day == day else 0
    if free:
        return Judged(*key, judgement, counted=True), precision
    if spent >= A_DAY:
        return Judged(*key, judgement, counted=False), precision
    return Judged(*key, judgement, counted=True), msgspec.structs.replace(precision, day=day, spent=spent + 1)


def _counted(precision: Precision, each: Judged, by: int) -> Precision:
    name = each.judgement.value if each.counted or each.judgement == Judgement.UNSURE else "beyond"
    return msgspec.structs.replace(precision, **{name: getattr(precision, name) + by})


def learned(known: Precisions) -> dict[str, Learned]:
    """What verdicts make of the present versions of rules, of those that have any."""
    return {
        rule: Learned(each.version, odds(each), each.right, each.right + each.wrong)
        for rule, (each, *_) in known.items()
        if each.right or each.wrong
    }


def posterior(level: Level, right: int, wrong: int) -> tuple[int, int]:
    """The Beta distribution (its two parameters) of a rule's precision: its level's prior, and judged incidents."""
    prior = PRIORS[level]
    return prior[0] + right, prior[1] + wrong


def odds(precision: Precision) -> float:
    """The odds that a version of a rule is right, as evidence takes them: those of the posterior's mean, within bounds.

    At the most those that the next level claims: what rides along in true incidents does not become proof by it, and
    what only describes (informational) never does. At the least those of the lowest level that says anything, or the
    rule's own where that is less: verdicts take away what a rule can do to somebody, never its voice.
    """
    right, wrong = posterior(precision.level, precision.right, precision.wrong)
    least = min(_claimed(Level.LOW), _claimed(precision.level))
    return min(max(right / wrong, least), _claimed(_CEILING[precision.level]))


def _claimed(level: Level) -> float:
    right, wrong = PRIORS[level]
    return right / wrong


def interval(right: int, wrong: int, share: float = 0.9) -> tuple[float, float]:
    """The middle ``share`` of a Beta distribution with whole parameters (both at least 1): its two quantiles, to 1e-6.

    Its distribution function at x is the probability that of ``right + wrong - 1`` trials with chance x at least
    ``right`` come true.
    """
    tail = (1 - share) / 2
    return _quantile(right, wrong, tail), _quantile(right, wrong, 1 - tail)


def _quantile(right: int, wrong: int, at: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(right, wrong, middle) < at else (low, middle)
    return round(high, 6)


def _below(right: int, wrong: int, x: float) -> float:
    if right < wrong:  # The same from the other side, which takes fewer terms.
        return 1 - _below(wrong, right, 1 - x)
    trials = right + wrong - 1
    whole, yes, no = lgamma(trials + 1), log(x), log(1 - x)
    return sum(
        exp(whole - lgamma(k + 1) - lgamma(trials - k + 1) + k * yes + (trials - k) * no)
        for k in range(right, trials + 1)
    )
