from hypothesis import given
from hypothesis import strategies as st

from tercio.model.decisions import Candidate, Decision, Money, Permission, Plan, Verb
from tests.model.values import any_of, survives

CHANGE_NOTHING = (Verb.NOTHING, Verb.WAIT, Verb.ASK)


@given(any_of(Decision))
def test_a_decision_survives_being_journaled(decision: Decision):
    survives(decision)


@given(st.integers(), st.integers(), st.integers())
def test_the_total_is_all_parts(attack: int, production: int, risk: int):
    assert Money(attack, production, risk).total == attack + production + risk


def test_the_first_verbs_change_nothing():
    assert tuple(Verb)[:3] == CHANGE_NOTHING


def test_two_plans_with_the_same_parts_are_one():
    def plan() -> Plan:
        return Plan(("a", "b"), "t", Money(1, 2, 3), Permission.PERMITTED, "w", ("f",))

    assert plan() == plan()
    assert hash(plan()) == hash(plan())


@given(any_of(Candidate))
def test_a_candidate_can_be_a_key(candidate: Candidate):
    assert {candidate: 1}[candidate] == 1
