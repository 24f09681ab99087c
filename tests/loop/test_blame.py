"""Was the effect to blame for a view that fell silent, or does the sensor see no session any more?"""

import pytest

from tercio.loop.blame import LONGEST, PROBATION
from tercio.model.units import SECOND
from tests.loop.given import HIST1, HMI1, OUTLOOK, PLC1, WS1, Desk, alert, content, eve, poll, replace

LONG = content(outlook=replace(OUTLOOK, half_life=3600 * SECOND))


def watched(*others: str) -> Desk:
    """An intruder is refused while the operator's view, and others, poll; one of his addresses is the view's own."""
    first = Desk(LONG)
    for _ in range(3):
        first.take(*(poll(first.now, hmi=each) for each in (HMI1, *others)), after=SECOND)
    first.take(alert(first.now, WS1, PLC1), *(poll(first.now, hmi=each) for each in (HMI1, *others)))
    first.answer()
    target = replace(first.effect.target, addresses=(WS1, HMI1))
    desk = Desk(LONG, replace(first.state, effects={first.effect.lease: replace(first.effect, target=target)}))
    desk.now, desk.offset = first.now, first.offset
    return desk


def go_on(desk: Desk, span: int, *seen: str) -> None:
    """The sensor speaks, and shows these polls only; the hand obeys."""
    for _ in range(2 * span // SECOND):
        at = desk.now + SECOND // 2
        desk.take(eve("dns", at, WS1, "10.77.10.1"), *(poll(at, hmi=each) for each in seen), after=SECOND // 2)
        if desk.orders:
            desk.answer(after=0)


def ended(desk: Desk) -> list[str]:
    return [e["why"] for e in desk.records("effect") if e["state"] == "rolled back"]


def held_off(desk: Desk) -> bool:
    (incident,) = desk.state.incidents
    return "host ws1" in desk.state.memory.held_off[incident]


def test_an_effect_after_which_the_sensor_shows_no_session_at_all_is_taken_back_and_may_come_again():
    desk = watched(HIST1)
    go_on(desk, 4 * SECOND)
    assert ended(desk) == ["the view hmi1>plc1 fell silent after it"]
    assert held_off(desk)
    decided = len(desk.records("decision"))
    go_on(desk, PROBATION + 2 * SECOND)
    assert not held_off(desk)
    assert not desk.state.memory.blamed
    assert len(desk.records("decision")) == decided + 1, "with that choice"
    go_on(desk, 60 * SECOND)
    assert len(ended(desk)) == 1, "what was silent before it is blamed on nothing"


@pytest.mark.parametrize("returning", [(HMI1,), (HIST1,), (HMI1, HIST1)])
def test_where_a_session_comes_back_once_it_is_gone_it_was_to_blame(returning: tuple[str, ...]):
    desk = watched(HIST1)
    go_on(desk, 4 * SECOND)
    go_on(desk, 60 * SECOND, *returning)
    assert held_off(desk)


@pytest.mark.parametrize("others", [(), (HIST1,)])
def test_where_the_sensor_shows_others_or_knew_no_other_it_stays_taken_back(others: tuple[str, ...]):
    desk = watched(*others)
    go_on(desk, 60 * SECOND, *others)
    assert len(ended(desk)) == 1
    assert held_off(desk)


@pytest.mark.parametrize("others", [(), (HIST1,)])
def test_where_the_view_falls_silent_again_without_it_it_was_not_to_blame(others: tuple[str, ...]):
    desk = watched(*others)
    go_on(desk, 4 * SECOND, *others)
    go_on(desk, 20 * SECOND, HMI1, *others)
    assert held_off(desk)
    decided = len(desk.records("decision"))
    go_on(desk, 20 * SECOND, *others)
    assert not held_off(desk)
    assert not desk.state.memory.blamed
    assert len(desk.records("decision")) > decided, "with that choice"


def test_nothing_is_held_off_for_ever():
    desk = watched(HIST1)
    go_on(desk, 4 * SECOND, HIST1)
    go_on(desk, LONGEST - 2 * SECOND, HMI1, HIST1)
    assert held_off(desk)
    go_on(desk, 4 * SECOND, HMI1, HIST1)
    assert not held_off(desk)


def test_a_dead_sensor_acquits_nobody():
    desk = watched(HIST1)
    go_on(desk, 4 * SECOND)
    for _ in range(40):
        desk.take(after=SECOND)
    assert desk.state.memory.blamed
    assert held_off(desk)
