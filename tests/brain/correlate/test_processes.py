from typing import Any

import pytest

from tercio.brain.correlate.processes import LONGEST_PACE, MOST_LOADS, observe
from tercio.model.events import Endpoint, Event, Reading
from tercio.model.processes import FRESH, LEAST_SILENCE, LOADING, MISSED, STOPPED_READINGS, STOPPED_SPAN, ProcessState
from tercio.model.site import Flow, Site
from tercio.model.units import SECOND
from tests.brain.given import FILLING, FORGED, NOON, PLANT, PROVEN, address, replace, site

NAMED = site(replace(FILLING, phase_names={"1": "fill", "2": "dose"}, hold=("dose",)))
COIL, PHASE = ("coil", 0), ("register", 7)


def poll(
    *values: tuple[tuple[str, int], int], at: int = NOON, by: str = "hmi1", of: str = "plc1", **more: Any
) -> Event:
    readings = tuple(Reading(address(PLANT, of), 1, table, index, value) for (table, index), value in values)
    ends = {"src": Endpoint(address(PLANT, by), 40000), "dst": Endpoint(address(PLANT, of), 502)}
    whole: dict[str, Any] = {
        "id": "evt", "source": "eve", "generation": "g", "offset": 0, "product": "suricata", "kind": "modbus",
        "class_uid": 4001, "time": at, "began": at, "until": at, "received": at, "provenance": PROVEN,
        "readings": readings, **ends,
    }  # fmt: skip
    return Event(**{**whole, **more})


def after(*events: Event, plant: Site = NAMED) -> ProcessState:
    return observe(plant, {}, events).get("filling", ProcessState())


def halt(at: int = NOON) -> tuple[Event, ...]:
    """So many readings that it stands as it takes to believe it, the last at ``at``."""
    step = STOPPED_SPAN // (STOPPED_READINGS - 1)
    return tuple(poll((COIL, 0), at=at - n * step) for n in reversed(range(STOPPED_READINGS)))


@pytest.mark.parametrize(("value", "running"), [(0, False), (1, True), (255, True)])
def test_the_state_is_read_from_its_tag(value: int, running: bool):
    state = after(poll((COIL, value)))
    assert (state.running, state.seen) == (running, NOON)
    assert not state.stopped(NOON), "one reading stops nothing"


def test_a_process_has_stopped_once_reading_after_reading_says_so():
    readings = halt()
    assert after(*readings).stopped(NOON)
    for gone in range(len(readings)):
        assert not after(*readings[:gone], *readings[gone + 1 :]).stopped(NOON)
    one, *others = readings
    assert not after(one, poll((COIL, 1), at=one.time + 1), *others).stopped(NOON), "it ran between them"
    many = [poll((COIL, 0), at=NOON + n) for n in range(20)]
    assert not after(*many).stopped(NOON + 20), "many at once are one moment"
    early = [replace(each, time=each.time - 2 * FRESH) for each in readings[:-1]]
    assert not after(*early, readings[-1]).stopped(NOON), "what was read before a long silence is another standstill"


@pytest.mark.parametrize(
    "event",
    [
        poll((("register", 0), 0)), poll((("coil", 1), 0)), poll((COIL, 0), of="hmi1"), poll((COIL, 0), src=None),
        poll((COIL, 0), dst=None), poll((COIL, 0), provenance=FORGED), poll(),
        poll((COIL, 0), at=NOON + FRESH + 1, received=NOON), poll((COIL, 0), of="10.3.0.250"),
    ],
    ids=[
        "another table", "another index", "another asset", "no source", "no target", "forgeable", "no reading",
        "from the future", "a stranger's",
    ],
)  # fmt: skip
def test_what_is_no_reading_of_the_tag_stops_nothing(event: Event):
    state = after(event)
    assert state.running is None
    assert not state.stopped(NOON)


def test_a_reading_from_the_future_does_not_lock_out_later_ones():
    state = after(poll((COIL, 1), at=2 * NOON, received=NOON), *halt())
    assert state.stopped(NOON)


def test_readings_age():
    state = after(*halt())
    assert state.stopped(NOON + FRESH)
    assert not state.stopped(NOON + FRESH + 1)


def test_an_older_reading_that_comes_late_changes_nothing():
    assert after(poll((COIL, 1)), poll((COIL, 0), at=NOON - SECOND)).running is True


@pytest.mark.parametrize(("value", "phase", "holds"), [(1, "fill", False), (2, "dose", True), (3, "", True)])
def test_a_phase_has_a_name_or_is_unknown_and_held(value: int, phase: str, holds: bool):
    state = after(poll((PHASE, value)))
    assert (state.phase, state.phase_seen) == (phase, NOON)
    assert state.holds(("dose",), NOON) is holds


def test_where_no_phase_is_named_its_number_is_its_name():
    assert after(poll((PHASE, 3)), plant=PLANT).phase == "3"


def test_each_tag_ages_by_itself():
    state = after(poll((PHASE, 1)), poll((COIL, 0), at=NOON + FRESH + 1))
    assert state.holds(("dose",), NOON + FRESH + 1)
    state = after(poll((COIL, 0)), poll((PHASE, 1), at=NOON + FRESH + 1))
    assert not state.stopped(NOON + FRESH + 1)


def test_a_phase_that_comes_late_is_taken_where_none_newer_is_known():
    assert after(poll((COIL, 1)), poll((PHASE, 1), at=NOON - SECOND)).phase == "fill"
    assert after(poll((PHASE, 1)), poll((PHASE, 2), at=NOON - SECOND)).phase == "fill"


def test_an_answered_poll_shows_that_a_needed_flow_works_whichever_end_is_named_first():
    state = after(poll((COIL, 1)), poll((COIL, 1), at=NOON + 5), poll((COIL, 1), at=NOON + 3))
    assert state.polls == {"hmi1>plc1": NOON + 5}
    backwards = poll((COIL, 1), src=Endpoint(address(PLANT, "plc1"), 502), dst=Endpoint(address(PLANT, "hmi1"), 40000))
    assert after(backwards).polls == {"hmi1>plc1": NOON}
    assert after(poll((COIL, 1), by="ews1")).polls == {}


def test_events_that_say_nothing_give_back_the_same_states():
    states = {"filling": ProcessState(running=True, seen=NOON)}
    assert (
        observe(PLANT, states, [poll(), poll((COIL, 1), by="ews1", provenance=FORGED)])["filling"] is states["filling"]
    )


LOADS = site(replace(FILLING, downloads=(Flow("ews1", "plc1", "s7"),)))


def session(flow: str = "1:a", at: int = NOON, port: int = 102, by: str = "ews1", **more: Any) -> Event:
    ends = {"dst": Endpoint(address(PLANT, "plc1"), port), "kind": "alert", "flow": flow}
    return poll(at=at, by=by, **{**ends, **more})


def loading(*events: Event, now: int = NOON) -> bool:
    return after(*events, plant=LOADS).loading(now) == (("ews1", "plc1"),)


def test_a_session_that_loads_programs_is_seen_until_its_end_or_for_a_time():
    assert loading(session())
    assert loading(session(), now=NOON + LOADING)
    assert not loading(session(), now=NOON + LOADING + 1)
    assert not loading(session(), session(kind="flow"))
    assert loading(session(), session("1:b"), session(kind="flow")), "another session goes on"


def test_what_is_no_such_session_loads_nothing():
    assert not loading(session(port=502))
    assert not loading(session(by="ws1"))
    assert not loading(session(provenance=FORGED))
    assert after(session(), plant=PLANT).loads == {}


def test_sessions_that_load_are_remembered_up_to_a_number_the_latest_of_them():
    many = [session(f"1:{number}", at=NOON + number) for number in range(MOST_LOADS + 5)]
    loads = after(*many, plant=LOADS).loads
    assert sorted(loads.values()) == [NOON + number for number in range(5, MOST_LOADS + 5)]


def paced(*gaps: int) -> ProcessState:
    at, seen = NOON, []
    for gap in (0, *gaps):
        at += gap
        seen.append(poll((COIL, 1), at=at))
    return after(*seen)


def test_a_flows_pace_is_the_longest_time_between_two_polls_of_late():
    assert paced().patience("hmi1>plc1") == 0, "one poll has no pace"
    assert paced(SECOND, SECOND).every == {"hmi1>plc1": SECOND}
    assert paced(*(4 * [SECOND // 100] + [5 * SECOND]) * 5).every["hmi1>plc1"] >= 4 * SECOND, "several come at once"
    assert paced(10 * SECOND, *[SECOND] * 80).every["hmi1>plc1"] == SECOND, "what was slow once is forgotten"
    assert paced(SECOND, LONGEST_PACE + 1).every["hmi1>plc1"] == SECOND, "a night without polls is no pace"
    assert paced(LONGEST_PACE + 1).patience("hmi1>plc1") == 0
    assert paced(SECOND // 10).patience("hmi1>plc1") == LEAST_SILENCE
    assert paced(4 * SECOND).patience("hmi1>plc1") == MISSED * 4 * SECOND
