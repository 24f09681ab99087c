from functools import partial

import msgspec
import pytest

from tercio.drills.range.cast import BYSTANDERS, COUNTING
from tercio.drills.range.harm import Harm, account, excess, harm, watched
from tercio.drills.range.traces import Asked, Cycles, Reading, SessionLost, Silence, TakeOver
from tercio.model.units import SECOND

NONE = {"io_timeouts": 0, "sessions_lost": 0, "failovers": 0}


def silence(at, *, lost=0, held_up=0, span=400_000, flow="cyclic"):
    cycle, watchdog = (200_000, 600_000) if flow == "heartbeat" else (8_000, 24_000)
    return Silence(at, flow, span, lost, held_up, cycle, watchdog)


def traces(**records):
    return {name: Reading(tuple(each), 0) for name, each in records.items()}


def test_only_what_a_punctual_sender_would_have_suffered_as_well_counts():
    cases = {
        "the sender's own": (silence(10), 0),
        "two lost of three": (silence(10, lost=2), 0),
        "three lost": (silence(10, lost=3), 1),
        "late by two cycles": (silence(10, held_up=16_000), 0),
        "late by more": (silence(10, held_up=16_001), 1),
        "one lost and the next late": (silence(10, lost=1, held_up=8_001), 1),
    }
    got = {name: harm(traces(a=[each]), 0, 100).io_timeouts for name, (each, _) in cases.items()}
    assert got == {name: expected for name, (_, expected) in cases.items()}


def test_each_kind_is_counted_in_its_span_only():
    records = traces(
        a=[silence(10, lost=9), silence(99, lost=9), silence(100, lost=9), silence(9, lost=9)],
        b=[SessionLost(10, "s7", "reset", 3), SessionLost(200, "s7", "reset", 3)],
        c=[TakeOver(50, "10.0.0.1", True), TakeOver(60, "10.0.0.1", False), TakeOver(150, "10.0.0.1", True)],
    )
    assert harm(records, 10, 100) == Harm(io_timeouts=2, sessions_lost=1, failovers=1)
    assert harm(records, 1000, 2000) == Harm()
    assert harm({}, 0, 100) == Harm()


def test_a_heartbeat_that_failed_is_a_take_over_and_no_io_timeout():
    records = traces(pair=[silence(50, lost=9, flow="heartbeat"), TakeOver(60, "10.0.0.1", True)])
    assert harm(records, 0, 100) == Harm(failovers=1)


def test_a_take_over_is_the_main_stations_own_where_that_itself_was_late():
    own = silence(700_000, span=900_000, flow="heartbeat")  # from 100,000 to 1,000,000
    for at, expected in ((99_999, 1), (100_000, 0), (1_000_000, 0), (1_000_001, 1)):
        records = traces(pair=[TakeOver(at, "10.0.0.1", True), own])
        assert harm(records, 0, SECOND * 2).failovers == expected, at
    cyclic = msgspec.structs.replace(own, flow="cyclic")
    assert harm(traces(pair=[TakeOver(500_000, "10.0.0.1", True), cyclic]), 0, SECOND).failovers == 1


def test_harm_is_what_exceeds_the_control():
    found = Harm(io_timeouts=9, sessions_lost=1, failovers=0)
    assert excess(found, 30, Harm(), 3) == found
    assert excess(found, 20, Harm(io_timeouts=1, failovers=2), 10) == Harm(io_timeouts=8, sessions_lost=1)
    assert excess(found, 400, Harm(io_timeouts=1), 30).io_timeouts == 8, "one accident excuses one, not thirteen"
    assert excess(found, 10, Harm(io_timeouts=4), 20).io_timeouts == 7, "half the span, half of it"
    assert excess(found, 10, Harm(io_timeouts=1), 20) == found, "less than one to be expected is none"
    assert excess(found, 30, Harm(io_timeouts=50), 0) == found, "without a control all of it counts"


def test_the_account_of_a_run_splits_it_where_the_defence_began():
    records = traces(
        a=[silence(at, lost=9) for at in (SECOND, *range(3 * SECOND, 3 * SECOND + 5))],
        c=[Cycles(9, "cyclic", 70, 9, 8)],
        b=[SessionLost(4 * SECOND, "s7", "reset", 3), Asked(9, "s7", 4)],
    )
    found = account(records, 0, 2 * SECOND, 6 * SECOND, ["s7-plc2"])
    assert found.control == Harm(io_timeouts=1)
    assert found.control_seconds == 2.0
    assert found.harm == Harm(io_timeouts=4, sessions_lost=1), "five, where one was there before"
    assert (found.watched.cycles, found.watched.answers, found.watched.everything) == (70, 4, False)
    assert found.watched.unwatched[0] == "s7-plc2 died"


def test_what_was_watched_is_the_last_word_of_each_receiver():
    found = watched(
        traces(
            a=[Cycles(1, "cyclic", 5, 0, 7), Cycles(2, "cyclic", 50, 0, 90)],
            b=[Cycles(1, "cyclic", 40, 0, 3), Asked(1, "io parent", 2), Asked(2, "io parent", 6)],
            c=[Cycles(1, "heartbeat", 3, 0, 1), Asked(1, "s7", 10)],
        ),
        2,
    )
    assert (found.cycles, found.answers, found.heartbeats, found.longest) == (90, 16, 3, 90)


END = 40 * SECOND


def whole():
    """What each bystander that counts reports of a run in which all goes well."""
    return {
        name: [
            (Asked if flow in ("s7", "io parent") else partial(Cycles, lost=0, longest=1))(at, flow, at // 1000)
            for at in range(SECOND, END, SECOND // 2)
            for flow in flows
        ]
        for name, flows in COUNTING.items()
    }


def test_everything_is_watched_where_every_flow_goes_on_to_the_end():
    assert watched(traces(**whole()), END).everything
    assert watched({}, END).unwatched == tuple(
        f"{flow} at {name}" for name, flows in COUNTING.items() for flow in flows
    )
    assert COUNTING.keys() <= BYSTANDERS.keys()


@pytest.mark.parametrize("name", COUNTING)
def test_one_who_died_early_leaves_his_flows_unwatched(name):
    """Also where others of his kind go on, and where he was never there, or counts no more though he reports."""
    full = whole()
    missing = tuple(f"{flow} at {name}" for flow in COUNTING[name])
    for kept in ([], [each for each in full[name] if each.at < 5 * SECOND]):
        found = watched(traces(**{**full, name: kept}), END)
        assert (found.unwatched, found.everything) == (missing, False)
    first = [each for each in full[name] if each.at == SECOND]
    full[name] = first + [msgspec.structs.replace(each, at=END) for each in first]
    assert watched(traces(**full), END).unwatched == missing


def test_a_connection_that_is_opened_anew_counts_on():
    full = whole()
    full["io-rio1"] = [*full["io-rio1"][:-2], Cycles(END - 1, "io", 5, 0, 1)]
    assert watched(traces(**full), END).everything


@pytest.mark.parametrize(
    "scene", ["quiet", "burdened", "cyclic stood still", "main station stood still", "server stood still", "defended"]
)
def test_nobody_is_harmed_without_a_wall(bystanding, scene):
    """Not by a machine that is busy, not by processes that stand still, not by Tercio's own rules."""
    assert bystanding["harm"][scene] == NONE


def test_every_counter_fails_where_somebody_is_harmed(bystanding):
    found = bystanding["harm"]
    dropped, stopped = found["cyclic data dropped"], found["the rest stopped"]
    assert dropped == {**NONE, "io_timeouts": 4}, "both directions of both pairs, once each"
    assert stopped["sessions_lost"] == 2
    assert stopped["failovers"] == 1
    assert found["dropped to the end"]["io_timeouts"] == 2, "also what never ended"


def test_tercios_own_act_on_a_bystander_is_counted(bystanding):
    assert bystanding["harm"]["defended wrongly"] == {**NONE, "sessions_lost": 1}


def test_the_bystanders_had_something_to_lose(bystanding):
    seen = bystanding["watched"]
    assert min(seen["cycles"], seen["answers"], seen["heartbeats"]) > 20
    assert seen["unwatched"] == []
    assert bystanding["broken"] == 0


def test_bystanders_who_died_are_named(bystanding):
    died, unwatched = bystanding["killed"]["died"], bystanding["killed"]["unwatched"]
    assert died == dict.fromkeys(BYSTANDERS, -9), "and nobody else"
    assert unwatched[: len(BYSTANDERS)] == [f"{name} died" for name in sorted(BYSTANDERS)]
    assert unwatched[len(BYSTANDERS) :] == [f"{flow} at {name}" for name, flows in COUNTING.items() for flow in flows]
