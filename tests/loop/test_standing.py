"""Where effects change state, and what that means for their incident."""

import pytest

from tercio.loop.ledger import Ledger
from tercio.loop.standing import (
    AGAIN,
    LONGEST_PAUSE,
    call,
    care,
    care_of,
    docket_of,
    enter,
    hold_off,
    pause,
    send,
    settle,
    withdraw,
)
from tercio.loop.state import LoopState
from tercio.model.commands import LIVE, EffectState, target_name
from tercio.model.incidents import Status
from tests.agents import given as officers
from tests.loop.given import START, Desk, command, fresh, replace

INCIDENT = officers.incident()
EFFECT = officers.effect()
OTHER = officers.effect(lease="lse-2", command="cmd-2")


def state(*effects: object, **changes: object) -> LoopState:
    whole = {"incidents": {INCIDENT.id: INCIDENT}, "effects": {e.lease: e for e in effects}, **changes}
    return fresh(**whole)


def test_pauses_double_up_to_the_longest():
    assert [pause(n) for n in (1, 2, 3)] == [AGAIN, 2 * AGAIN, 4 * AGAIN]
    assert pause(1000) == LONGEST_PAUSE


def test_a_sent_command_is_journaled_remembered_and_ordered():
    ledger = Ledger(START)
    after = send(state(), command(), ledger)
    assert after.commands == {"cmd-9": (command(), START)}
    assert ledger.orders == [command()]
    assert [(row.command.id, row.state) for row in ledger.commands.values()] == [("cmd-9", "ordered")]


def test_a_withdrawn_command_has_lapsed_and_others_stay():
    ledger = Ledger(START)
    before = send(send(state(), command(), ledger), command("cmd-8", "lse-2"), ledger)
    after = withdraw(before, "lse-1", ledger)
    assert set(after.commands) == {"cmd-8"}
    assert ledger.commands["cmd-9"].state == "lapsed"
    assert withdraw(after, "lse-1", ledger) is after


@pytest.mark.parametrize("ended", sorted(set(EffectState) - set(LIVE)))
def test_an_ended_effect_leaves_the_state_with_its_commands_and_notes(ended: EffectState):
    ledger = Ledger(START)
    before = send(care(state(EFFECT), "lse-1", quiet=7), command(), ledger)
    after = settle(before, EFFECT, replace(EFFECT, state=ended), ledger)
    assert (after.effects, after.commands, after.memory.leases) == ({}, {}, {})
    assert ledger.effects["lse-1"].state == ended


@pytest.mark.parametrize(
    ("ended", "wanted", "status", "rounds", "due"),
    [
        (EffectState.RELEASED, True, Status.RELEASED, 1, 0),
        (EffectState.EXPIRED, True, Status.OPEN, 0, START),
        (EffectState.EXPIRED, False, Status.RELEASED, 1, 0),
        (EffectState.LOST, True, Status.OPEN, 0, START),
        (EffectState.ROLLED_BACK, True, Status.OPEN, 0, START),
        (EffectState.FAILED, True, Status.OPEN, 0, START + AGAIN),
        (EffectState.FAILED, False, Status.RELEASED, 1, 0),
    ],
)
def test_its_incident_follows(ended: EffectState, wanted: bool, status: Status, rounds: int, due: int):
    ledger = Ledger(START)
    after = settle(state(EFFECT), EFFECT, replace(EFFECT, state=ended), ledger, wanted=wanted)
    incident = after.incidents["inc-1"]
    assert (incident.status, incident.round, docket_of(after, "inc-1").due) == (status, rounds, due)


@pytest.mark.parametrize("ended", sorted(set(EffectState) - set(LIVE)))
def test_while_something_else_stands_the_incident_stays_contained(ended: EffectState):
    ledger = Ledger(START)
    after = settle(state(EFFECT, OTHER), EFFECT, replace(EFFECT, state=ended), ledger)
    assert after.incidents["inc-1"].status == Status.CONTAINED
    assert after.incidents["inc-1"].round == (ended == EffectState.RELEASED)


def test_a_standing_effect_contains_and_forgives_earlier_failures():
    ordered = replace(EFFECT, state=EffectState.ORDERED)
    before = enter(state(ordered), "inc-1", failed=4)
    after = settle(before, ordered, EFFECT, Ledger(START))
    assert after.incidents["inc-1"].status == Status.CONTAINED
    assert docket_of(after, "inc-1").failed == 0


def test_the_same_state_again_is_journaled_but_changes_no_incident():
    ledger = Ledger(START)
    after = settle(state(EFFECT), EFFECT, replace(EFFECT, why="so"), ledger)
    assert after.incidents["inc-1"] is INCIDENT
    assert [record.kind for record in ledger.records] == ["effect"]


def test_an_effect_of_an_incident_that_is_gone_still_settles():
    before = state(EFFECT, incidents={})
    after = settle(before, EFFECT, replace(EFFECT, state=EffectState.LOST), Ledger(START))
    assert (after.effects, after.incidents) == ({}, {})


def test_the_sooner_call_counts():
    first = call(fresh(), "inc-1", 50)
    assert docket_of(call(first, "inc-1", 90), "inc-1").due == 50
    assert docket_of(call(first, "inc-1", 20), "inc-1").due == 20


def test_what_is_called_for_is_no_mere_passing_of_time():
    assert docket_of(call(enter(fresh(), "inc-1", looked=5), "inc-1", 50), "inc-1").looked == 0


def test_what_is_held_off_is_held_off_once():
    after = hold_off(hold_off(state(EFFECT), EFFECT), EFFECT)
    assert after.memory.held_off == {"inc-1": (target_name(EFFECT.target),)}


def test_notes_are_values():
    before = fresh()
    after = care(before, "lse-1", failed=2)
    assert care_of(before, "lse-1").failed == 0
    assert care_of(after, "lse-1").failed == 2
    assert Desk(state=after).state is after
