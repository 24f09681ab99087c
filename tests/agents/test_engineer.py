from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.agents.engineer import Verdict, review, review_open
from tercio.model.commands import EffectState
from tests.agents.given import NOW, SPAN, effect, replace

QUIET = 10 * SPAN
LONGEST = 40 * SPAN
LATE = NOW + SPAN - SPAN // 4


def looked(**changes: Any) -> Verdict:
    whole = {
        "belief": 0.9, "last_evidence": NOW, "now": LATE, "span": SPAN, "threshold": 0.2, "quiet": QUIET,
        "longest": LONGEST,
    }  # fmt: skip
    kind = changes.pop("kind", review)
    verdict, why = kind(changes.pop("effect", effect()), **{**whole, **changes})
    assert why
    return verdict


def test_renewed_in_the_second_half_while_it_is_believed():
    assert looked() == Verdict.RENEW
    assert looked(now=NOW + SPAN // 2) == Verdict.KEEP
    assert looked(now=NOW + SPAN // 2 + 1) == Verdict.RENEW


def test_belief_at_the_threshold_is_enough():
    assert looked(belief=0.2, last_evidence=0) == Verdict.RENEW
    assert looked(belief=0.199999, last_evidence=0) == Verdict.RELEASE


def test_not_released_before_the_quiet_period_is_over():
    assert looked(belief=0.0, last_evidence=LATE - QUIET + 1) == Verdict.RENEW
    assert looked(belief=0.0, last_evidence=LATE - QUIET) == Verdict.RELEASE


def test_released_at_any_time_once_nothing_speaks_for_it():
    assert looked(belief=0.0, last_evidence=0, now=NOW + 1) == Verdict.RELEASE


def test_handed_over_when_it_may_not_last_longer():
    old = effect(since=NOW + SPAN - LONGEST)
    assert looked(effect=old) == Verdict.HAND_OVER
    assert looked(effect=replace(old, since=old.since + 1)) == Verdict.RENEW
    assert looked(effect=old, belief=0.0, last_evidence=0) == Verdict.RELEASE


@pytest.mark.parametrize("state", [s for s in EffectState if s != EffectState.STANDING])
def test_only_what_stands_is_reviewed(state):
    assert looked(effect=effect(state=state)) == Verdict.KEEP
    assert looked(effect=effect(state=state), belief=0.0, last_evidence=0) == Verdict.KEEP


def test_what_is_over_is_left_to_expire():
    assert looked(now=NOW + SPAN) == Verdict.KEEP
    assert looked(now=NOW + SPAN, belief=0.0, last_evidence=0) == Verdict.KEEP


def test_an_open_lease_ends_by_itself_without_fresh_evidence():
    assert looked(kind=review_open) == Verdict.KEEP
    assert looked(kind=review_open, last_evidence=NOW + 1) == Verdict.RENEW
    assert looked(kind=review_open, belief=0.0, last_evidence=0) == Verdict.RELEASE
    old = effect(since=NOW + SPAN - LONGEST)
    assert looked(kind=review_open, effect=old, last_evidence=NOW + 1) == Verdict.HAND_OVER
    assert looked(kind=review_open, effect=old) == Verdict.KEEP


spans = st.integers(1, 10**12)
reviews = st.fixed_dictionaries(
    {
        "belief": st.floats(0, 1), "last_evidence": st.integers(NOW - 10**12, NOW + 10**12),
        "now": st.integers(NOW, NOW + 10**12), "span": spans, "threshold": st.floats(0, 1), "quiet": spans,
        "longest": spans, "kind": st.sampled_from([review, review_open]),
    }
)  # fmt: skip


@given(reviews, spans)
def test_whatever_happens(case, length):
    standing = effect(until=NOW + length)
    verdict = looked(effect=standing, **case)
    now, quiet_over = case["now"], case["last_evidence"] + case["quiet"] <= case["now"]
    if verdict == Verdict.RENEW:
        until = min(now + case["span"], NOW + case["longest"])
        assert standing.until < until <= NOW + case["longest"]
        assert 2 * (standing.until - now) < case["span"]
        assert case["belief"] >= case["threshold"] or not quiet_over
    if verdict == Verdict.RELEASE:
        assert quiet_over
        assert case["belief"] < case["threshold"]
    if verdict != Verdict.KEEP:
        assert standing.until > now


@pytest.mark.parametrize(
    ("belief", "shown"), [(0.1, "10%, below 20%"), (0.1998, "19.98%, below 20%"), (0.199999, "19.9999%, below 20%")]
)
def test_a_belief_is_shown_with_the_digits_that_tell_it_from_the_threshold(belief, shown):
    case = {"last_evidence": 0, "now": LATE, "span": SPAN, "threshold": 0.2, "quiet": 0, "longest": LONGEST}
    _, why = review(effect(), belief=belief, **case)
    assert why == f"the belief that it is held fell to {shown}, and the quiet period has passed"


@given(reviews, spans, st.floats(0, 1), st.integers(0, 10**12))
def test_more_evidence_never_releases(case, length, belief, later):
    standing = effect(until=NOW + length)
    more = {**case, "belief": max(case["belief"], belief), "last_evidence": case["last_evidence"] + later}
    if looked(effect=standing, **case) != Verdict.RELEASE:
        assert looked(effect=standing, **more) != Verdict.RELEASE


@given(st.integers(1, 50), st.integers(1, 20))
def test_a_lease_that_is_always_wanted_lasts_exactly_the_longest(spans_allowed, step):
    longest = spans_allowed * SPAN + SPAN // 3
    standing, now = effect(), NOW
    while now < standing.until:
        if looked(effect=standing, now=now, last_evidence=now, longest=longest) == Verdict.RENEW:
            standing = replace(standing, until=min(now + SPAN, NOW + longest))
        now += SPAN * step // 50
    assert standing.until == NOW + longest
