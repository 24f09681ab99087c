from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.correlate.belief import decayed, likelier, unknown, updated
from tercio.brain.correlate.likelihood import FORGEABLE_CEILING, PRIOR
from tercio.model.incidents import Belief, Stage
from tests.brain.given import HALF_LIFE

GRAIN = 2e-6
stages = st.sampled_from([Stage.TOUCHED, Stage.FOOTHOLD, Stage.CONTROL, Stage.IMPACT])
ratios = st.floats(1, 1e6)
evidence = st.lists(st.tuples(stages, ratios), max_size=6)
ceilings = st.sampled_from([1.0, FORGEABLE_CEILING])


def after(evidence: list[tuple[Stage, float]]) -> Belief:
    belief = unknown(0)
    for stage, ratio in evidence:
        belief = updated(belief, stage, ratio)
    return belief


def test_worked_by_hand():
    # Foothold or more at 100 to 1: 0.998 and 0.001 stay, 0.0007, 0.0002 and 0.0001 become 0.07, 0.02, 0.01; of 1.099.
    belief = updated(unknown(7), Stage.FOOTHOLD, 100)
    assert belief.p == pytest.approx((0.908098, 0.000910, 0.063694, 0.018198, 0.009099), abs=GRAIN)
    assert belief.as_of == 7
    # Control or more at 10 to 1 on that: 0.018198 and 0.009099 become 0.18198 and 0.09099; of 1 + 9 x 0.027297.
    further = updated(belief, Stage.CONTROL, 10)
    assert further.p == pytest.approx((0.729003, 0.000731, 0.051132, 0.146090, 0.073045), abs=GRAIN)


@given(evidence, stages, ratios, ceilings)
def test_evidence_never_lowers_what_it_speaks_of(known: list, stage: Stage, ratio: float, ceiling: float):
    before = after(known)
    now = updated(before, stage, ratio, ceiling)
    assert now.held >= before.held - GRAIN
    assert sum(now.p[stage:]) >= sum(before.p[stage:]) - GRAIN
    assert sum(now.p[Stage.CONTROL :]) >= sum(before.p[Stage.CONTROL :]) - GRAIN


@given(evidence, stages, ratios, st.integers(0, 10 * HALF_LIFE))
def test_a_belief_is_a_distribution_in_grains(known: list, stage: Stage, ratio: float, later: int):
    for belief in (after(known), decayed(after(known), later, HALF_LIFE), updated(after(known), stage, ratio, 0.3)):
        assert isclose(sum(belief.p), 1, abs_tol=1e-9)
        assert all(0 <= p == round(p, 6) for p in belief.p)


@given(evidence, stages, ratios)
def test_a_ceiling_is_never_passed_and_lowers_nothing(known: list, stage: Stage, ratio: float):
    before = after(known)
    now = updated(before, stage, ratio, FORGEABLE_CEILING)
    assert now.held <= max(before.held, FORGEABLE_CEILING) + GRAIN
    assert now.held >= before.held - GRAIN


@given(evidence, ratios)
def test_whom_the_intruder_touches_is_no_likelier_held(known: list, ratio: float):
    before, now = after(known), updated(after(known), Stage.TOUCHED, ratio)
    assert abs(now.held - before.held) <= 1e-6
    assert now.p[Stage.TOUCHED] >= before.p[Stage.TOUCHED] - GRAIN


@given(evidence, st.floats(0, 1))
def test_nothing_exonerates(known: list, ratio: float):
    assert updated(after(known), Stage.FOOTHOLD, ratio) == after(known)


def test_half_of_it_is_gone_after_a_half_life_and_all_after_many():
    belief = updated(unknown(0), Stage.FOOTHOLD, 4 * 999)
    assert decayed(belief, HALF_LIFE, HALF_LIFE).held == pytest.approx((0.8 + 0.001) / 2, abs=1e-5)
    assert decayed(belief, 60 * HALF_LIFE, HALF_LIFE).p == PRIOR


@given(evidence, st.integers(0, HALF_LIFE), st.integers(0, HALF_LIFE))
def test_fading_in_two_steps_is_fading_in_one(known: list, first: int, second: int):
    twice = decayed(decayed(after(known), first, HALF_LIFE), first + second, HALF_LIFE)
    assert twice.held == pytest.approx(decayed(after(known), first + second, HALF_LIFE).held, abs=1e-5)


def test_a_clock_that_runs_back_changes_nothing():
    belief = updated(unknown(100), Stage.CONTROL, 50)
    assert decayed(belief, 99, HALF_LIFE) == belief


def test_the_likelier_of_two():
    low, high = unknown(0), updated(unknown(0), Stage.FOOTHOLD, 9)
    assert likelier(low, high) == likelier(high, low) == high
    assert likelier(low, Belief(low.p, 5)) is low
