import pytest

from tercio.model.processes import FRESH, ProcessState

NOW = 10 * FRESH


def test_a_fresh_reading_says_that_it_stands():
    assert ProcessState(running=False, seen=NOW - FRESH).stopped(NOW)


@pytest.mark.parametrize(
    "state",
    [
        ProcessState(),
        ProcessState(running=True, seen=NOW),
        ProcessState(running=None, seen=NOW),
        ProcessState(running=False, seen=NOW - FRESH - 1),
        ProcessState(running=False, seen=NOW + FRESH + 1),
    ],
    ids=["never read", "running", "not read", "stale", "from the future"],
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
