"""From an incident to a decision under mandate and people's words."""

import msgspec
import pytest

from tercio.loop.authorise import deliberate, question_of, restrained, stood_down
from tercio.model.canon import canonical
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget, Target
from tercio.model.decisions import Permission, Verb
from tercio.model.processes import STOPPED_READINGS, STOPPED_SPAN, ProcessState
from tercio.model.site import Autonomy
from tercio.model.units import SECOND
from tests.agents import given as officers
from tests.loop.given import PLC1, WS1, Desk, alert, content, fresh, poll, replace

SITE = content().site
INCIDENT = officers.incident(
    sources={"ws1": ("10.77.10.10",)}, proven=("ws1",), reached=(("ws1", "plc1", "modbus"), ("ws1", "hist1", "ssh"))
)
HOST = HostTarget("ws1", ("10.77.10.10",))
TO_PLC = FlowTarget("ws1", "plc1", ("10.77.10.10",), ("10.77.30.21",), "tcp", 502)
TO_HIST = FlowTarget("ws1", "hist1", ("10.77.10.10",), ("10.77.20.10",), "tcp", 22)
CONDUIT = ConduitTarget("office", "ot", ("10.77.10.0/24",), ("10.77.30.0/24",), ())
LINE = replace(SITE.processes["filling"], needs=("plc1",), views=("hmi1",), flows=())
SMALL = replace(SITE, processes={"filling": LINE})


@pytest.mark.parametrize(
    ("told", "target", "covered"),
    [
        (("all",), TO_HIST, "all"),
        (("inc-1",), TO_HIST, "inc-1"),
        (("inc-2",), TO_HIST, ""),
        (("filling",), HOST, "filling"),
        (("filling",), TO_PLC, "filling"),
        (("filling",), TO_HIST, ""),
        (("filling",), CONDUIT, "filling"),
        (("filling",), ConduitTarget("office", "dmz", (), (), ()), ""),
        (("filling",), ConduitTarget("dmz", "ot", (), (), ()), ""),
        (("gone",), HOST, ""),
        ((), HOST, ""),
        (("inc-2", "filling"), HOST, "filling"),
    ],
)
def test_which_stand_down_covers_a_target(told: tuple[str, ...], target: Target, covered: str):
    assert stood_down(SMALL, told, INCIDENT, target) == covered


def test_a_stand_down_covers_what_takes_a_flow_from_the_line_wherever_the_intruder_is():
    elsewhere = replace(INCIDENT, reached=(("ws1", "scan1", "ssh"),))
    historian = HostTarget("hist1", ("10.77.20.10",))
    assert stood_down(SITE, ("filling",), elsewhere, historian) == "filling"
    assert stood_down(SITE, ("filling",), elsewhere, HOST) == ""


def test_of_an_incident_that_nobody_knows_everything_is_covered():
    assert stood_down(SITE, ("filling",), None, HOST) == "filling"
    assert stood_down(SITE, (), None, HOST) == ""


def test_while_a_sensor_is_silent_nothing_acts_by_itself_and_shadow_stays_shadow():
    shadow = replace(SITE.zones["dmz"], autonomy=Autonomy.SHADOW)
    site = replace(SITE, zones={**SITE.zones, "dmz": shadow})
    after = {name: zone.autonomy for name, zone in restrained(site, ("ot",)).zones.items()}
    assert after == {"office": Autonomy.ADVISE, "dmz": Autonomy.SHADOW, "ot": Autonomy.ADVISE}
    assert restrained(site, ()) is site


def test_a_silent_sensor_turns_permission_into_a_question():
    desk = contained()
    speaking = deliberate(desk.content, replace(desk.state, effects={}), desk.incident, desk.now).decision
    silent = replace(desk.state, effects={}, memory=replace(desk.state.memory, silent=("ot",)))
    asking = deliberate(desk.content, silent, desk.incident, desk.now).decision
    acting = {c.id for c in speaking.candidates if c.target is not None}
    assert Permission.PERMITTED in {r.permission for r in speaking.rulings if r.candidate in acting}
    assert Permission.PERMITTED not in {r.permission for r in asking.rulings if r.candidate in acting}


def contained() -> Desk:
    desk = Desk()
    desk.take(poll(desk.now))
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    return desk


def test_every_kept_candidate_has_a_ruling_and_what_changes_nothing_is_permitted():
    desk = contained()
    result = deliberate(desk.content, desk.state, desk.incident, desk.now)
    ruled = {ruling.candidate: ruling.permission for ruling in result.decision.rulings}
    assert set(ruled) == {candidate.id for candidate in result.decision.candidates}
    still = [c.id for c in result.decision.candidates if c.verb in (Verb.NOTHING, Verb.WAIT, Verb.ASK)]
    assert {ruled[key] for key in still} == {Permission.PERMITTED}
    assert len(still) == 3


def test_a_decision_is_recomputed_from_what_it_carries():
    desk = contained()
    (written,) = desk.records("decision")
    result = deliberate(desk.content, fresh(), replace(desk.incident, version=0), desk.now)
    assert msgspec.json.decode(canonical(result.decision))["chosen"] == written["decision"]["chosen"]


def test_belief_is_asked_about_as_faded_by_now():
    desk = contained()
    now = question_of(desk.content, desk.state, desk.incident, desk.now).incident.beliefs["ws1"].held
    later = question_of(desk.content, desk.state, desk.incident, desk.now + 120 * SECOND).incident.beliefs["ws1"].held
    assert later == pytest.approx(now / 2, abs=0.01)


def test_what_an_incident_must_not_choose_again_is_no_candidate():
    desk = contained()
    state = replace(
        desk.state, effects={}, memory=replace(desk.state.memory, held_off={desk.incident.id: ("host ws1",)})
    )
    result = deliberate(desk.content, state, desk.incident, desk.now)
    assert HostTarget("ws1", ("10.77.10.10", "fd00:77:10::10")) not in [c.target for c in result.decision.candidates]


def test_acts_within_the_hour_spend_the_blast_budget():
    desk = contained()
    spent = {"office": tuple(desk.now - n for n in range(desk.content.limits.acts_per_hour))}
    state = replace(desk.state, effects={}, memory=replace(desk.state.memory, acts=spent))
    permissions = {r.permission for r in deliberate(desk.content, state, desk.incident, desk.now).decision.rulings}
    assert Permission.FORBIDDEN in permissions
    old = {"office": tuple(at - 3600 * SECOND for at in spent["office"])}
    again = replace(state, memory=replace(state.memory, acts=old))
    permissions = {r.permission for r in deliberate(desk.content, again, desk.incident, desk.now).decision.rulings}
    assert Permission.FORBIDDEN not in permissions


def test_a_stopped_line_is_known_by_a_fresh_reading_only():
    desk = contained()
    for age, stopped in ((SECOND, True), (3600 * SECOND, False)):
        seen = desk.now - age
        reading = ProcessState(running=False, seen=seen, halted=seen - STOPPED_SPAN, halts=STOPPED_READINGS)
        memory = replace(desk.state.memory, processes={"filling": reading})
        question = question_of(desk.content, replace(desk.state, memory=memory), desk.incident, desk.now)
        assert question.processes["filling"].stopped(desk.now) is stopped
