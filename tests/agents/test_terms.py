import msgspec
import pytest

from tercio.agents.terms import Condition, Limits, State, World

WRONG = [
    {"belief": 0, "consent_belief": 0}, {"belief": 1001}, {"belief": 100}, {"consent_belief": 0},
    {"small_cost": -1}, {"small_cost": 10**12 + 1}, {"longest": 0}, {"longest": 31 * 86_400 + 1},
    {"acts_per_hour": -1}, {"acts_per_hour": 10_001},
]  # fmt: skip


@pytest.mark.parametrize("numbers", WRONG, ids=str)
def test_numbers_that_mean_nothing_are_refused(numbers):
    with pytest.raises(ValueError, match="limits: "):
        Limits(**numbers)
    with pytest.raises(msgspec.ValidationError, match="limits: "):
        msgspec.convert(numbers, Limits)


def test_edges_are_allowed():
    Limits(belief=1, consent_belief=1, small_cost=0, longest=1, acts_per_hour=0)
    Limits(belief=1000, consent_belief=1000, small_cost=10**12, longest=31 * 86_400, acts_per_hour=10_000)


def test_what_nobody_knows_is_the_worst():
    assert Condition() == Condition(State.UNKNOWN, hold=True)
    assert World(now=0).conditions == {}
