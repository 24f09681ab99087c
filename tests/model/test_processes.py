from typing import Any

import pytest

from tercio.model.processes import FRESH, STOPPED_READINGS, STOPPED_SPAN, ProcessState

NOW = 10 * FRESH


def still(**changes: Any) -> ProcessState:
    """As many readings, over as long a time, as it takes to believe that it stands."""
    whole = {"running": False, "seen": NOW, "halted": NOW - STOPPED_SPAN, "halts": STOPPED_READINGS, **changes}
    return ProcessState(**whole)


def test_fresh_readings_say_that_it_stands():
    assert still().stopped(NOW)
    assert still(seen=NOW - FRESH, halted=NOW - FRESH - STOPPED_SPAN).stopped(NOW)


@pytest.mark.parametrize(
    "state",
    [
        ProcessState(),
        ProcessState(running=True, seen=NOW),
        ProcessState(running=None, seen=NOW),
        still(seen=NOW - FRESH - 1, halted=0),
        still(seen=NOW + FRESH + 1),
        still(halts=STOPPED_READINGS - 1),
        still(halted=NOW - STOPPED_SPAN + 1),
    ],
    ids=["never read", "running", "not read", "stale", "from the future", "read too seldom", "read too short"],
)
def test_what_is_not_known_to_stand_counts_as_running(state: ProcessState):
    assert not state.stopped(NOW)


@pytest.mark.parametrize(
    "state",
    [
        ProcessState(),
        ProcessState(phase="dose", phase_seen=NOW),
        ProcessState(phase="", phase_seen=NOW),
        ProcessState(phase="fill", phase_seen=NOW - FRESH - 1),
        ProcessState(phase="fill", phase_seen=NOW + FRESH + 1),
    ],
    ids=["never read", "in it", "unknown phase", "stale", "from the future"],
)
def test_a_phase_to_hold_or_an_unknown_one_holds(state: ProcessState):
    assert state.holds(("dose",), NOW)


def test_a_fresh_state_does_not_freshen_an_old_phase():
    assert ProcessState(running=True, seen=NOW, phase="fill", phase_seen=NOW - FRESH - 1).holds(("dose",), NOW)


def test_another_phase_does_not_hold():
    assert not ProcessState(phase="fill", phase_seen=NOW).holds(("dose",), NOW)


def test_where_no_phase_is_named_nothing_holds():
    assert not ProcessState().holds((), NOW)
