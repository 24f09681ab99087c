"""What time alone changes."""

from tercio.loop.ledger import Ledger
from tercio.loop.state import Care, Docket
from tercio.loop.upkeep import REMEMBERED, tidy
from tercio.model.incidents import Status
from tercio.model.units import SECOND
from tests.loop.given import HOUR, PLC1, SOURCE, START, WS1, Desk, alert, content, fresh, poll, replace, window


def remembering(**memory: object) -> Desk:
    return Desk(state=fresh(memory=replace(fresh().memory, **memory)))


def test_a_window_is_remembered_a_day_longer_than_it_lasts_for_lines_that_are_read_late():
    desk = remembering(announced=(window(until=START + HOUR),))
    desk.take(after=HOUR + REMEMBERED - SECOND)
    assert len(desk.state.memory.announced) == 1
    desk.take(after=SECOND)
    assert desk.state.memory.announced == ()


def test_notes_about_what_is_over_go_and_about_what_is_not_stay():
    desk = Desk().contained()
    key, lease = desk.incident.id, desk.effect.lease
    memory = replace(
        desk.state.memory,
        dockets={key: Docket(due=START + HOUR), "inc-old": Docket(due=1)},
        held_off={key: ("host x",), "inc-old": ("host y",)},
        leases={lease: Care(quiet=1), "lse-old": Care(quiet=2), "lse-stray": Care(again=START + HOUR)},
        acts={"office": (START,), "dmz": (START - 2 * HOUR,)},
        stood_down=("filling", key, "inc-old", "all"),
    )
    after = tidy(desk.content, replace(desk.state, memory=memory), Ledger(desk.now)).memory
    assert set(after.dockets) == {key}
    assert set(after.held_off) == {key}
    assert set(after.leases) == {lease, "lse-stray"}
    assert set(after.acts) == {"office"}
    assert after.stood_down == ("filling", key, "all")


def test_an_incident_that_is_due_but_gone_is_not_due_for_ever():
    desk = remembering(dockets={"inc-gone": Docket(due=1)})
    desk.take(poll(desk.now))
    assert desk.state.memory.dockets == {}
    assert not desk.records("decision")


def test_where_nothing_is_over_the_state_is_the_same_value():
    desk = Desk().contained()
    assert tidy(desk.content, desk.state, Ledger(desk.now)) is desk.state


def test_a_sensor_is_silent_once_and_speaks_once():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.pass_time(30 * SECOND, lines=False)
    assert desk.state.memory.silent == (SOURCE,)
    desk.pass_time(30 * SECOND)
    assert desk.records("silence") == [{"source": SOURCE, "silent": True}, {"source": SOURCE, "silent": False}]
    assert desk.state.memory.silent == ()


def test_silence_is_more_than_its_span_not_equal_to_it():
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(after=10 * SECOND)
    assert desk.state.memory.silent == ()
    desk.take(after=1)
    assert desk.state.memory.silent == (SOURCE,)


def test_a_source_without_a_limit_is_never_silent():
    desk = Desk(content(silent_after={}))
    desk.take(after=24 * HOUR)
    assert not desk.records("silence")


def test_nothing_is_closed_while_something_stands_for_it():
    desk = Desk().contained()
    old = replace(desk.incident, last_evidence=desk.now - 48 * HOUR)
    state = replace(desk.state, incidents={old.id: old})
    ledger = Ledger(desk.now)
    assert tidy(desk.content, state, ledger).incidents == {old.id: old}
    assert tidy(desk.content, replace(state, effects={}), ledger).incidents == {}
    assert ledger.incidents[old.id].status == Status.CLOSED


def test_the_same_intruder_after_the_close_is_a_new_incident():
    desk = Desk().contained()
    first = desk.incident.id
    desk.pass_time(900 * SECOND)
    desk.take(after=25 * HOUR)
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    assert desk.incident.id != first
    assert desk.incident.round == 0
