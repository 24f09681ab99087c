import pytest

from tercio.agents.watch import triage
from tercio.model.incidents import Belief, Evidence, Stage, Status
from tests.agents.given import NOW, incident, replace

BEFORE = incident()
FIRST = BEFORE.evidence[0]

SECOND = Evidence("fnd-2", ("evt-2",), "key-2", "plc1", Stage.TOUCHED, 3.0)

DUE = {
    "new independent evidence": {"evidence": (FIRST, SECOND)},
    "known evidence weighs otherwise": {"evidence": (replace(FIRST, ratio=2.0, excuse="window win-1"),)},
    "it was open and is contained": {"status": Status.CONTAINED},
    "a source is proven": {"proven": ("ews1", "ws1")},
    "a step was seen": {"reached": (*BEFORE.reached, ("ews1", "hmi1", "rdp"))},
    "something was released": {"round": 1},
}


@pytest.mark.parametrize("reason", DUE)
def test_a_change_that_needs_a_decision(reason):
    attention = triage(replace(BEFORE, **DUE[reason]), BEFORE)
    assert attention.due
    assert attention.reason.startswith(reason)


def test_a_new_incident():
    assert triage(BEFORE, None).due


REPEATS = {
    "repeats counted": {"repeats": 1000},
    "another finding of the same evidence": {"evidence": (replace(FIRST, finding="fnd-9"),), "findings": ("fnd-9",)},
    "evidence in another order": {"evidence": BEFORE.evidence * 2},
    "time passed": {"updated": NOW + 5, "through": {"eve": ("1", 99)}, "events": ("evt-1", "evt-2")},
    "belief faded": {"beliefs": {"ews1": Belief((1.0, 0.0, 0.0, 0.0, 0.0), NOW)}},
    "a decision was taken": {"version": 7},
    "a source is no longer proven": {"proven": ()},
}


@pytest.mark.parametrize("what", REPEATS)
def test_a_change_that_needs_none(what):
    assert not triage(replace(BEFORE, **REPEATS[what]), BEFORE).due


def test_a_thousand_repeats_are_due_once():
    due, known = 0, None
    for count in range(1000):
        now = replace(BEFORE, repeats=count, updated=NOW + count)
        due += triage(now, known).due
        known = now
    assert due == 1
