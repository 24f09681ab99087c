import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.incidents import Belief, Incident, Stage
from tests.brain.given import finding, fold
from tests.model.values import any_of, survives


def test_stages_are_in_the_order_of_an_intrusion():
    assert sorted(Stage) == [Stage.CLEAN, Stage.TOUCHED, Stage.FOOTHOLD, Stage.CONTROL, Stage.IMPACT]
    assert Stage.IMPACT > Stage.CONTROL > Stage.FOOTHOLD > Stage.TOUCHED > Stage.CLEAN


def test_touched_is_not_held():
    assert Belief((0.0, 1.0, 0.0, 0.0, 0.0), 0).held == 0
    assert Belief((0.1, 0.2, 0.3, 0.3, 0.1), 0).held == 0.7


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5).filter(lambda weights: sum(weights) > 0))
def test_held_is_a_probability_in_grains(weights: list[float]):
    total = sum(weights)
    clean, touched, foothold, control, impact = (weight / total for weight in weights)
    held = Belief((clean, touched, foothold, control, impact), 0).held
    assert 0 <= held <= 1
    assert held == round(held, 6)


@given(any_of(Incident))
def test_an_incident_survives_being_written(incident: Incident):
    survives(incident)


def test_nobody_acts_from_what_was_merely_harmed():
    incident = fold(finding("ws1", "hist1")).popitem()[1]

    def proved(*p: float, proven: tuple[str, ...] = ("ws1",)) -> float:
        beliefs = {**incident.beliefs, "hist1": Belief((p[0], p[1], p[2], p[3], p[4]), 0)}
        return msgspec.structs.replace(incident, beliefs=beliefs, sure={}, proven=proven).proved("hist1")

    assert proved(0.199, 0.0, 0.001, 0.0, 0.8) == pytest.approx(0.005)
    assert proved(0.02, 0.0, 0.08, 0.0, 0.9) == pytest.approx(0.8)  # He was entered, and harmed beside it.
    assert proved(0.199, 0.0, 0.001, 0.0, 0.8, proven=("ws1", "hist1")) == pytest.approx(0.801)
    assert proved(0.0, 0.0, 0.0, 0.0, 1.0) == 1.0
    assert incident.proved("nobody") == 0
