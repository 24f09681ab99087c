import pytest

from tercio.brain.correlate.belief import unknown, updated
from tercio.brain.correlate.likelihood import PRIOR, claimed, ratio
from tercio.model.findings import Level
from tercio.model.incidents import Stage
from tercio.model.precision import PRIORS

STAGES = [Stage.FOOTHOLD, Stage.CONTROL, Stage.IMPACT]


def test_the_prior_is_a_distribution_in_which_a_thousandth_is_held():
    assert sum(PRIOR) == pytest.approx(1, abs=1e-12)
    assert sum(PRIOR[2:]) == pytest.approx(0.001, abs=1e-12)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH, Level.CRITICAL])
def test_one_finding_moves_an_unknown_asset_to_the_precision_of_its_rule(level: Level, stage: Stage):
    true, false = PRIORS[level]
    after = updated(unknown(0), stage, ratio(claimed(level), stage))
    assert sum(after.p[stage:]) == pytest.approx(true / (true + false), abs=2e-6)


@pytest.mark.parametrize("stage", STAGES)
def test_a_graver_level_weighs_more_and_none_exonerates(stage: Stage):
    ratios = [ratio(claimed(level), stage) for level in Level]
    assert ratios == sorted(ratios)
    assert ratios[0] >= 1


def test_worked_by_hand():
    # Precision 8 in 10 are odds of 4; a thousandth held are odds of 1/999.
    assert ratio(claimed(Level.HIGH), Stage.FOOTHOLD) == pytest.approx(4 * 999)
    assert ratio(claimed(Level.INFORMATIONAL), Stage.FOOTHOLD) == pytest.approx(1)


def test_that_it_was_touched_is_as_likely_as_the_rule_is_right_where_it_is_not_held():
    clean, touched, *_ = updated(unknown(0), Stage.TOUCHED, ratio(claimed(Level.HIGH), Stage.TOUCHED)).p
    assert touched / (clean + touched) == pytest.approx(0.8, abs=2e-6)
