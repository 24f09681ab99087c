from typing import Any

import pytest
from hypothesis import given

from tercio.brain.decide.candidates import candidates
from tercio.brain.decide.forecast import reaches_within
from tercio.brain.decide.question import Question
from tercio.brain.decide.survey import (
    DETOURS,
    FAINT,
    FIRST,
    LAST,
    UNSEEN,
    detours,
    forced,
    holders,
    marks_of,
    remaining_steps,
    succeeds,
    survey,
    weighed,
)
from tercio.model.commands import ConduitTarget, EffectState, FlowTarget, HostTarget
from tercio.model.findings import Level
from tercio.model.incidents import Belief
from tercio.model.units import SECOND
from tests.brain.given import (
    FILLING,
    FORGED,
    MOVE,
    NOON,
    STOPPED,
    WRITE,
    asset,
    effect,
    finding,
    incident,
    question,
    questions,
    replace,
    site,
)

HOST = HostTarget("ws1", ("10.1.0.1",))
FLOW = FlowTarget("ws1", "plc1", ("10.1.0.1",), ("10.3.0.31",), "tcp", 502)
CONDUIT = ConduitTarget("office", "ot", ("10.1.0.0/24",), ("10.3.0.0/24",), ())
SWEPT = question(incident(finding()))


def test_a_sweep_towards_one_line_surveyed_by_hand():
    seen = survey(SWEPT)
    (threat,) = seen.threats
    # Batch 18,000, restart 60,000 and three hours at 42,000, in cents.
    assert seen.stakes == {"filling": 1_800_000 + 6_000_000 + 3 * 4_200_000}
    assert (threat.source, threat.zone, threat.process) == ("ws1", "office", "filling")
    assert (threat.marks, threat.zones) == ({"plc1"}, {"ot"})
    assert (threat.steps, threat.detours) == (2, 0)
    assert threat.held == seen.held == pytest.approx(0.8, abs=1e-5)
    assert seen.median == pytest.approx(27_000_000)


def test_a_stopped_process_has_its_restart_at_stake_and_no_batch():
    stopped = survey(replace(SWEPT, processes={"filling": STOPPED}))
    assert stopped.stakes == {"filling": 6_000_000 + 3 * 4_200_000}
    assert stopped.threats == survey(SWEPT).threats
    assert survey(replace(SWEPT, processes={"filling": replace(STOPPED, seen=0)})).stakes == survey(SWEPT).stakes


def test_steps_count_down_as_he_comes_nearer():
    near = question(incident(finding("ws1", "plc1")))
    at_it = question(incident(finding("ws1", "plc1"), finding("ws1", "plc1", tactics=WRITE, rule="write")))
    marks = frozenset({"plc1"})
    assert remaining_steps(question(incident(finding("ws1", "hmi1"))), "ws1", marks) == 3
    assert remaining_steps(near, "ws1", marks) == 2
    assert remaining_steps(at_it, "ws1", marks) == 1
    assert remaining_steps(near, "plc1", marks) == 1
    assert remaining_steps(at_it, "ws2", marks) == 3


def test_whoever_was_seen_at_it_or_entered_may_go_on_and_nobody_else():
    moved = incident(finding("ws1", "hist1", "plc1", tactics=MOVE), finding("ws1", "ews1", rule="r"))
    assert holders(question(moved)) == ("hist1", "ws1")
    plant = site(assets=[asset("sis1", "ot", "safety")])
    written = incident(finding("ews1", "plc1", "sis1", plant=plant, tactics=WRITE), plant=plant)
    assert holders(question(written, plant)) == ("ews1",)
    for tactics in (WRITE, ("impact",)):
        victim = incident(finding("ws1", "hist1", tactics=tactics))
        assert holders(question(victim)) == ("ws1",), "it is done to him"
        both = incident(finding("ws1", "hist1", tactics=tactics), finding("ws1", "hist1", tactics=MOVE, rule="r"))
        assert holders(question(both)) == ("hist1", "ws1")
    remote = site(assets=[asset("sis1", "ot", "io")])
    entered = incident(finding("ws1", "sis1", plant=remote, tactics=MOVE), plant=remote)
    assert holders(question(entered, remote)) == ("ws1",)
    forged = incident(finding("ws1"), finding("ws1", "hist1", tactics=MOVE, rule="r", provenance=FORGED))
    assert holders(question(forged)) == ("ws1",)


@pytest.mark.parametrize("change", [{"excuse": "announced"}, {"forgeable": True}])
def test_nobody_is_entered_by_what_was_announced_or_could_be_forged(change: dict[str, Any]):
    moved = incident(finding("ws1", "hist1", tactics=MOVE))
    weak = tuple(replace(piece, **change) if piece.asset == "hist1" else piece for piece in moved.evidence)
    assert holders(question(moved)) == ("hist1", "ws1")
    assert holders(question(replace(moved, evidence=weak))) == ("ws1",)


def test_what_was_forged_makes_no_host_more_of_a_threat():
    lifted = incident(finding(level=Level.LOW), finding(level=Level.HIGH, rule="r", provenance=FORGED))
    (threat,) = survey(question(lifted)).threats
    assert threat.held == pytest.approx(0.1, abs=1e-3) == survey(question(lifted)).held
    assert lifted.beliefs["ws1"].held > 0.29


def test_who_has_faded_threatens_nobody():
    known = incident(finding())
    for held, expected in ((FAINT, 1), (FAINT - 1e-6, 0)):
        faded = replace(known, beliefs={**known.beliefs, "ws1": Belief((1 - held, 0, held, 0, 0), NOON)})
        assert len(survey(question(faded)).threats) == expected


def test_what_stops_a_process_are_its_controllers_or_else_whatever_it_needs():
    assert marks_of(SWEPT, FILLING) == {"plc1"}
    service = replace(FILLING, needs=("hist1",), flows=FILLING.flows[1:])
    assert marks_of(SWEPT, service) == {"plc1"}
    assert marks_of(SWEPT, replace(service, flows=())) == {"hist1"}
    assert marks_of(SWEPT, replace(service, needs=(), flows=())) == frozenset()


def test_a_target_hinders_only_what_it_stands_in_the_way_of():
    (threat,) = survey(SWEPT).threats
    assert [detours(target, threat) for target in (HOST, FLOW, CONDUIT, None)] == [2, 1, 2, 0]
    for elsewhere in (
        replace(HOST, asset="ws2"), replace(HOST, asset="plc1"), replace(FLOW, src="ws2"), replace(FLOW, dst="hmi1"),
        replace(CONDUIT, src_zone="dmz"), replace(CONDUIT, dst_zone="dmz"),
        replace(CONDUIT, src_zone="ot", dst_zone="office"),
    ):  # fmt: skip
        assert detours(elsewhere, threat) == 0
    assert detours(CONDUIT, replace(threat, zones=frozenset({"ot", "dmz"}))) == 0
    assert detours(CONDUIT, replace(threat, zones=frozenset())) == 0


def test_a_closed_conduit_hinders_nobody_whose_own_flow_the_process_needs():
    reader = question(incident(finding("hist1", "plc1", tactics=WRITE)))
    (threat,) = survey(reader).threats
    assert threat.spared
    way = ConduitTarget(threat.zone, "ot", ("10.2.0.0/24",), ("10.3.0.0/24",), ())
    assert detours(way, threat) == 0
    assert detours(way, replace(threat, spared=False)) == 2


@pytest.mark.parametrize(
    ("state", "forced"), [(EffectState.ORDERED, 2), (EffectState.STANDING, 2), (EffectState.RELEASED, 0)]
)
def test_what_stands_forces_its_detours_already(state: EffectState, forced: int):
    (threat,) = survey(replace(SWEPT, effects=(effect(HOST, state=state), effect(FLOW, state=state)))).threats
    assert threat.detours == forced


def test_forced_tells_only_what_hinders_more_than_what_stands():
    seen = survey(SWEPT)
    assert [forced(seen, target) for target in (FLOW, CONDUIT, HOST)] == [{0: 1}, {0: 2}, {0: 2}]
    assert forced(seen, replace(HOST, asset="ws2")) == forced(seen, None) == {}
    already = survey(replace(SWEPT, effects=(effect(FLOW),)))
    assert forced(already, FLOW) == {}
    assert forced(already, HOST) == {0: 2}


def test_each_detour_takes_a_step_and_must_go_unseen():
    minute, median = 60 * SECOND, 27.0 * SECOND
    assert succeeds(2, 0, minute, median) == reaches_within(2, minute, median)
    assert succeeds(2, 2, minute, median) == reaches_within(4, minute, median) * UNSEEN**2
    assert succeeds(2, 2, minute, median) < succeeds(2, 1, minute, median) < succeeds(2, 0, minute, median)


def test_the_stake_is_the_batch_the_restart_and_its_hours():
    assert FILLING.stake() == 20_400_000
    assert replace(FILLING, restart_span=0).stake() == 7_800_000 + 4_200_000
    assert FILLING.stake(stopped=True) == 18_600_000


@given(questions())
def test_every_threat_is_a_holder_against_a_process(asked: Question):
    seen = survey(asked)
    assert {t.source for t in seen.threats} <= set(holders(asked))
    assert {t.process for t in seen.threats} <= seen.stakes.keys()
    assert len(seen.threats) == len(holders(asked)) * len(seen.stakes)
    assert all(FAINT <= t.held <= seen.held and 1 <= t.steps <= 3 for t in seen.threats)
    for candidate in candidates(asked):
        hindered = forced(seen, candidate.target)
        assert all(0 < steps <= max(DETOURS.values()) for steps in hindered.values())
        for place, threat in enumerate(seen.threats):
            assert hindered.get(place, threat.detours) == max(detours(candidate.target, threat), threat.detours)


def test_a_business_service_is_threatened_through_what_it_needs():
    shop = replace(FILLING, name="shop", needs=("web1",), views=(), flows=())
    plant = site(shop, assets=[asset("web1", "dmz", "web")])
    (threat,) = survey(question(incident(finding("ws1", "web1", plant=plant), plant=plant), plant)).threats
    assert (threat.marks, threat.zones, threat.steps) == ({"web1"}, {"dmz"}, 2)


@given(questions())
def test_a_decision_rests_on_no_more_than_its_record_carries(asked: Question):
    carried = replace(asked, incident=weighed(asked.incident))
    assert holders(carried) == holders(asked)
    assert survey(carried) == survey(asked)
    assert weighed(carried.incident) == carried.incident


def test_what_a_decision_carries_of_a_long_incident_is_bounded():
    many = tuple(f"fnd-{number}" for number in range(FIRST + LAST + 9))
    long = replace(incident(finding("ws1", "hist1", tactics=MOVE)), findings=many)
    carried = weighed(long)
    assert len(carried.findings) == FIRST + LAST
    assert (carried.findings[0], carried.findings[-1]) == (long.findings[0], long.findings[-1])
    assert sorted(piece.asset for piece in carried.evidence) == ["hist1", "ws1"]
    assert (carried.beliefs, carried.reached, carried.steps) == (long.beliefs, long.reached, long.steps)
