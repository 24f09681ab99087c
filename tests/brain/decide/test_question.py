import pytest

from tercio.brain.decide.question import Outlook, Question
from tercio.model.canon import canonical
from tests.brain.given import FORGED, finding, incident, question
from tests.model.values import survives


def test_the_whole_input_of_a_decision_survives_being_written():
    survives(question(incident(finding("ws1", "plc1", "hmi1"), finding("ws1", provenance=FORGED))))


def test_it_cannot_be_changed():
    asked = question(incident(finding()))
    with pytest.raises(AttributeError):
        asked.now = 0


def test_everything_that_a_decision_depends_on_is_in_its_bytes():
    written = canonical(question(incident(finding())))
    assert all(f'"{name}":'.encode() in written for name in (*Question.__struct_fields__, *Outlook.__struct_fields__))
