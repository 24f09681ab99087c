from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.drills.range.counts import Counts
from tercio.drills.range.harm import Account, Harm, Watched
from tercio.drills.range.range import site_file
from tercio.drills.range.traces import Connect, Request, Write
from tercio.drills.scoreboard import RELEASING, Course, Scoreboard, Truth, blocks, concerns, leaked, score, walls
from tercio.model.commands import ConduitTarget, Effect, EffectState, FlowTarget, HostTarget
from tercio.model.decisions import Money, Permission, Plan, Removed, Verb
from tercio.model.events import Provenance
from tercio.model.findings import Finding, Level
from tercio.model.siteparse import parse_site
from tercio.model.units import SECOND
from tests.agents.given import candidate, decision, effect

SITE = parse_site(site_file().read_text())
T = 1_800_000_000 * SECOND
MS = SECOND // 1000
WS1 = HostTarget("ws1", ("10.77.10.10",))
WATCHED = Watched(cycles=9000, answers=180, heartbeats=130, longest=70)
FARED = Account(harm=Harm(), control=Harm(), control_seconds=3.0, watched=WATCHED)


def finding(name: str, time: int, received: int) -> Finding:
    return Finding(
        id=name, rule="r", version="1", title="t", level=Level.HIGH, tactics=(), techniques=(), events=("evt-1",),
        time=time, received=received, provenance=Provenance.ESTABLISHED, src="10.77.10.10", dst=(), service="", port=0,
        flow="", source="ot", generation="g", offset=0,
    )  # fmt: skip


def counts(**changes: Any) -> Counts:
    whole: dict[str, Any] = {
        "polls": 100, "missed_polls": 0, "writes_received": {}, "writes_tried": 30, "writes_landed": 0,
        "first_write_stopped": True, "replayed_writes": 0, "trips": 0, "bottles": 50, "running": True, "broken": 0,
    }  # fmt: skip
    return Counts(**{**whole, **changes})


def held(**changes: Any) -> Effect:
    whole = {"target": WS1, "state": EffectState.RELEASED, "held": T + 30 * MS, "since": T, "ended": T + 10 * SECOND,
             "confirmed": T + 60 * MS}  # fmt: skip
    return effect(**{**whole, **changes})


def board(
    *effects: Effect, course: dict[str, Any] | None = None, leaks: int = 0, fared: Account | None = None, **truth: Any
) -> Scoreboard:
    findings = (
        (finding("fnd-0", T - SECOND, T - SECOND), "inc-1", "below"),
        (finding("fnd-1", T, T + 2 * MS), "inc-1", "opened"),
    )
    whole = {
        "findings": findings,
        "decisions": (decision(candidate()),),
        "effects": effects,
        "root": "ab",
        "verified": True,
    }
    known = Truth(counts=counts(**truth), bystanders=fared or FARED, leaked=leaks, first_packet=T - 400 * MS)
    return score(SITE, Course(**{**whole, **(course or {})}), known, "ws1")


def test_times_run_from_the_packet_that_completed_the_evidence():
    found = board(held())
    assert (found.contained, found.confirmed, found.released) == (True, True, True)
    assert (found.time_to_detect_ms, found.time_to_contain_ms, found.time_to_confirm_ms) == (2.0, 30.0, 60.0)
    assert found.first_packet_to_contain_ms == 430.0
    assert (found.journal_root, found.journal_verified, found.incidents) == ("ab", True, 1)
    assert found.currency == "EUR"


def test_harm_to_bystanders_is_what_exceeds_the_control():
    account = Account(
        harm=Harm(io_timeouts=4, sessions_lost=2, failovers=1),
        control=Harm(io_timeouts=1),
        control_seconds=2.5,
        watched=WATCHED,
    )
    found = board(held(), fared=account)
    assert (found.io_timeouts, found.sessions_lost, found.failovers) == (4, 2, 1)
    assert (found.control, found.control_seconds, found.watched) == (Harm(io_timeouts=1), 2.5, WATCHED)
    none = board(held())
    assert (none.io_timeouts, none.sessions_lost, none.failovers) == (0, 0, 0)


def test_of_several_effects_the_first_that_held_counts():
    assert board(held(lease="lse-2", held=T + 90 * MS), held()).time_to_contain_ms == 30.0


def test_nothing_held_is_nothing_contained():
    failed = held(held=0, confirmed=0, state=EffectState.FAILED)
    for found in (board(), board(failed)):
        assert (found.contained, found.confirmed, found.released) == (False, False, False)
        assert found.time_to_contain_ms is None
        assert found.chosen == ""
        assert found.alternatives == ()
        assert found.wrong_containments == 0


def test_what_got_through_while_he_was_cut_off_is_no_containment():
    found = board(held(), leaks=2)
    assert (found.contained, found.leaked) == (False, 2)
    assert found.time_to_contain_ms == 30.0, "that the hand held is still true"


def test_what_still_stands_is_not_released():
    assert not board(held(), held(lease="lse-2", ended=0, state=EffectState.STANDING)).released


@pytest.mark.parametrize("target", [
    HostTarget("ews1", ("10.77.30.30",)),
    FlowTarget("scan1", "plc1", (), (), "tcp", 502),
    ConduitTarget("office", "ot", (), (), ()),
])  # fmt: skip
def test_an_act_on_anybody_else_is_wrong(target: Any):
    found = board(held(), held(lease="lse-2", target=target))
    assert found.wrong_containments == 1
    assert found.contained
    assert not board(held(target=target)).contained


def test_an_act_on_others_that_never_held_hurt_nobody():
    assert board(held(), held(lease="lse-2", target=HostTarget("ews1", ()), held=0)).wrong_containments == 0


def test_a_flow_of_his_is_his():
    assert concerns(held(target=FlowTarget("ws1", "plc1", (), (), "tcp", 502)), "ws1")
    assert not concerns(held(target=FlowTarget("hmi1", "ws1", (), (), "tcp", 502)), "ws1")


def test_a_trip_costs_the_batch_and_the_restart():
    lost = board(held(), trips=2).production_lost
    process = SITE.processes["filling"]
    assert lost == 2 * (process.scrap + process.restart_cost + process.outage_per_hour * 3.5) / 100
    assert board(held()).production_lost == 0


def test_the_response_costs_what_its_target_costs_while_it_is_cut_off():
    hour = 3600 * SECOND
    assert board(held(ended=T + 30 * MS + hour)).cost_of_response == 60.0
    conduit = held(target=ConduitTarget("dmz", "ot", (), (), ()), ended=T + 30 * MS + hour)
    assert board(conduit).cost_of_response == 300.0
    assert board(held(target=HostTarget("10.9.9.9", ()), ended=T + hour)).cost_of_response == 0.0
    standing = held(ended=0, state=EffectState.STANDING, until=T + 30 * MS + hour)
    assert board(standing).cost_of_response == 60.0, "what stands is counted to its end"


@pytest.mark.parametrize(
    ("stopped", "words"), [(None, "tried no write"), (True, "contained before"), (False, "out of band")]
)
def test_the_first_write_is_said_as_it_was(stopped: bool | None, words: str):
    found = board(held(), first_write_stopped=stopped)
    assert found.first_write_stopped is stopped
    assert words in found.first_write_note


def test_alternatives_are_in_whole_units_and_the_chosen_is_marked():
    chosen = Plan(("can-1",), "block host ws1", Money(1000, 200, 34), Permission.PERMITTED, "", ())
    other = Plan((), "do nothing", Money(99_900, 0, 0), Permission.PERMITTED, "", ())
    gone = Removed(candidate(Verb.BLOCK_FLOW, path="ws1 plc1 modbus"), "the last view")
    one = decision(candidate(), chosen=chosen, alternatives=(chosen, other), removed=(gone,))
    found = board(held(), course={"decisions": (one,)})
    assert [(p.plan, p.expected_loss, p.attack, p.production, p.risk, p.chosen) for p in found.alternatives] == [
        ("block host ws1", 12.34, 10.0, 2.0, 0.34, True),
        ("do nothing", 999.0, 999.0, 0.0, 0.0, False),
    ]
    assert found.removed_for_safety == ("block flow (ws1 plc1 modbus): the last view",)
    assert (found.chosen, found.evidence) == ("block host ws1", ("fnd-1",))


def connect(at: int, outcome: str = "open") -> Connect:
    return Connect(at, "10.77.30.21", 502, outcome, 40000)


def write(at: int, value: int) -> Write:
    return Write(at, at + 1, value, 0, value, 40000, "timeout")


def request(at: int, value: int, function: int = 6) -> Request:
    return Request(at, "10.77.10.10", 40000, function, 0, 1, (value,))


SPAN = ((T, T + SECOND),)


@pytest.mark.parametrize(("intruder", "plc", "expected"), [
    ([], [], 0),
    ([connect(T + 5)], [], 1),
    ([connect(T - 5)], [], 0),
    ([connect(T + SECOND + 5)], [], 0),
    ([connect(T + 5, "refused"), connect(T + 6, "timeout"), connect(T + 7, "reset")], [], 0),
    ([write(T + 5, 1)], [], 0),
    ([write(T + 5, 1)], [request(T + 9, 1)], 1),
    ([write(T - 5, 1)], [request(T + 9, 1)], 0),
    ([write(T + 5, 1), write(T + 6, 2)], [request(T + 2 * SECOND, 2)], 1),
    ([write(T + 5, 1)], [request(T + 9, 1, function=3)], 0),
    ([write(T + 5, 1)], [request(T + 9, 7)], 0),
])  # fmt: skip
def test_what_leaked_is_what_began_behind_the_wall_and_arrived(intruder: list, plc: list, expected: int):
    assert leaked(intruder, plc, SPAN) == expected
    assert leaked(intruder, plc, ()) == 0


def test_a_wall_stands_from_held_to_shortly_before_its_hand_said_that_it_fell():
    gone, stands, never = held(), held(lease="lse-2", ended=0), held(lease="lse-3", held=0)
    now = T + 20 * SECOND
    assert walls([gone, stands, never], now) == (
        (gone.held, gone.ended - RELEASING),
        (stands.held, now),
    )
    assert walls([held(ended=T + 31 * MS)], now) == (), "too short to be sure of"


def test_a_stale_write_is_told_by_either_end_that_a_block_may_have_had():
    gone, stands = held(), held(lease="lse-2", ended=0)
    found = blocks([gone, stands], T + 20 * SECOND)
    assert set(found) == {(gone.held, gone.ended), (gone.held, gone.ended - RELEASING), (gone.held, T + 20 * SECOND)}


times = st.integers(0, 5 * SECOND)


@given(st.lists(st.tuples(times, times)), times)
def test_walls_lie_inside_blocks(spans: list[tuple[int, int]], now: int):
    effects = [held(lease=f"lse-{n}", held=T + a, ended=T + a + b) for n, (a, b) in enumerate(spans)]
    wide = blocks(effects, T + now)
    assert all(any(start == s and end <= e for s, e in wide) for start, end in walls(effects, T + now))
    assert all(start < end for start, end in walls(effects, T + now))
