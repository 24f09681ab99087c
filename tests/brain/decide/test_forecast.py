import math
import random
from bisect import bisect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.decide.forecast import (
    FASTEST_BREAKOUT,
    FASTEST_QUANTILE,
    MEAN_BREAKOUT,
    median_step,
    reaches_within,
    sigma,
)
from tercio.model.units import SECOND

MINUTE = 60 * SECOND
TEMPI = st.sampled_from(["average", "industrialised"])
instants = st.lists(st.integers(0, 10_000 * SECOND), max_size=12)


def test_the_prior_has_the_two_published_times():
    median, spread = median_step("average", ()), sigma()
    assert median * math.exp(spread**2 / 2) == pytest.approx(29 * MINUTE)
    assert median * math.exp(-FASTEST_QUANTILE * spread) == pytest.approx(27 * SECOND)
    assert reaches_within(1, 27 * SECOND, median) == pytest.approx(0.001, abs=1e-5)
    assert (MEAN_BREAKOUT, FASTEST_BREAKOUT) == (29 * MINUTE, 27 * SECOND)


def test_an_industrialised_intruder_takes_the_fastest_time_as_a_rule():
    assert median_step("industrialised", ()) == pytest.approx(27 * SECOND)
    assert reaches_within(1, 27 * SECOND, median_step("industrialised", ())) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7])
def test_the_time_of_several_steps_is_that_of_a_thousand_throws(steps: int):
    dice = random.Random(7)
    sums = sorted(sum(math.exp(dice.gauss(0, sigma())) for _ in range(steps)) for _ in range(20_000))
    for quantile in range(1, 100, 7):
        span = sums[quantile * 200]
        thrown = bisect(sums, span) / len(sums)
        assert reaches_within(steps, round(span * SECOND), SECOND) == pytest.approx(thrown, abs=0.03)


def test_the_pace_of_the_intruder_weighs_as_much_a_step_as_the_prior():
    three = [0, 3 * SECOND, 6 * SECOND]
    assert median_step("industrialised", three) == pytest.approx((27 * 3 * 3) ** (1 / 3) * SECOND)
    assert median_step("industrialised", three[::-1]) == median_step("industrialised", three)


def test_haste_is_seen_and_a_pause_proves_nothing():
    hasty = [0, 3 * SECOND, 6 * SECOND]
    assert median_step("industrialised", [*hasty, 9 * 3600 * SECOND]) == median_step("industrialised", hasty)
    assert median_step("average", [0, 9 * 3600 * SECOND]) == median_step("average", ())


def test_nobody_is_faster_than_a_tenth_of_the_fastest():
    assert median_step("industrialised", [5] * 500) == pytest.approx(2.7 * SECOND, rel=0.01)
    assert median_step("industrialised", [5] * 500) >= 2.7 * SECOND


@given(TEMPI, instants, st.integers(0, 10_000 * SECOND))
def test_a_further_step_seen_never_slows_him(tempo: str, seen: list[int], more: int):
    assert median_step(tempo, [*seen, more]) <= median_step(tempo, seen) * (1 + 1e-12)


spans = st.floats(0.01, 1e4).map(lambda medians: round(medians * SECOND))


@given(st.integers(0, 8), spans, spans)
def test_more_time_or_fewer_steps_are_never_less_likely(steps: int, span: int, more: int):
    assert reaches_within(steps + 1, span, SECOND) <= reaches_within(steps, span, SECOND)
    assert reaches_within(steps, span, SECOND) <= reaches_within(steps, span + more, SECOND)
    assert 0 <= reaches_within(steps, span, SECOND) <= 1


def test_the_far_tail_of_two_steps_does_not_overtake_that_of_one():
    # Two steps have the narrower spread: taken as log-normals, they would cross here.
    assert reaches_within(1, 52 * SECOND, SECOND) == reaches_within(2, 52 * SECOND, SECOND) < 1


def test_the_ends():
    assert reaches_within(0, 0, SECOND) == 1
    assert reaches_within(1, 0, SECOND) == reaches_within(1, -5, SECOND) == 0
    assert reaches_within(3, 10**30, SECOND) == 1
