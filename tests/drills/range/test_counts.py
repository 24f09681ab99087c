from tercio.drills.range.counts import count, landings, polled, replayed
from tercio.drills.range.traces import Line, Missed, Polls, Reading, Request, Session, Started, Trip, Write

INTRUDER, HMI, EWS = "10.77.10.10", "10.77.30.10", "fd00:77:30::30"


def write(number, at, outcome="acked", port=4000):
    return Write(at, at + 5, number, 0, 900 + number, port, outcome)


def received(number, at, port=4000, peer=INTRUDER):
    return Request(at, peer, port, 6, 0, 1, (900 + number,))


def traces(**records):
    return {name: Reading(tuple(each), 0) for name, each in records.items()}


def test_an_empty_range_counts_nothing():
    counts = count({})
    assert (counts.polls, counts.missed_polls, counts.writes_landed, counts.trips, counts.bottles) == (0, 0, 0, 0, 0)
    assert counts.first_write_stopped is None
    assert counts.running is None


def test_polls_are_the_last_summary_and_misses_are_their_records():
    counts = count(traces(hmi=[Polls(1, 10, 0), Missed(2, "no answer"), Polls(3, 20, 1), Missed(4, "no session")]))
    assert (counts.polls, counts.missed_polls) == (20, 2)


def test_the_historians_polls_are_not_the_operators():
    counts = count(traces(historian=[Polls(1, 99, 9), Missed(2, "no answer")]))
    assert (counts.polls, counts.missed_polls) == (0, 0)


def test_writes_are_counted_by_who_sent_them_and_reads_are_not():
    read = Request(1, HMI, 1, 4, 0, 5)
    both = Request(2, EWS, 2, 23, 2, 1, (215,))
    plc = [read, both, received(0, 3), received(1, 4), received(2, 5, peer="192.0.2.7"), Session(6, HMI, 1, False)]
    assert count(traces(plc=plc)).writes_received == {"192.0.2.7": 1, "ews1": 1, "ws1": 2}


def test_the_line_is_as_it_was_last_seen():
    plc = [Line(1, True, 50, 21, 10, 0), Trip(2, "overflow", 90.2), Line(3, False, 90.2, 21, 30, 1)]
    counts = count(traces(plc=plc))
    assert (counts.trips, counts.bottles, counts.running) == (1, 30, False)


def test_the_first_write_stopped_is_not_the_first_that_landed():
    stopped = count(traces(intruder=[write(0, 10, "timeout"), write(1, 20)], plc=[received(1, 21)]))
    assert stopped.first_write_stopped is True
    assert (stopped.writes_tried, stopped.writes_landed) == (2, 1)
    landed = count(traces(intruder=[write(0, 10, "timeout")], plc=[received(0, 11)]))
    assert landed.first_write_stopped is False, "that no answer came does not mean that nothing landed"


def test_a_write_that_never_had_a_session_did_not_land():
    never = Write(0, 15, 0, 0, 900, 0, "refused")
    assert landings([never], [received(0, 11, port=0)]) == []


def test_two_intrusions_with_the_same_numbers_are_told_apart_by_their_ports():
    tried = [write(0, 10, port=1), write(0, 50, port=2)]
    assert landings(tried, [received(0, 51, port=2)]) == [(tried[1], 51)]


def test_a_replay_was_sent_before_the_end_of_a_block_and_came_after_it():
    block = (100, 200)
    cases = {
        "before the block": (write(0, 50), 51, 0),
        "sent before, came after": (write(0, 99), 201, 1),
        "sent in the block, came after": (write(0, 150), 205, 1),
        "came at the very end": (write(0, 150), 200, 1),
        "leaked during the block": (write(0, 150), 151, 0),
        "sent at the very end": (write(0, 200), 201, 0),
        "sent after": (write(0, 210), 211, 0),
    }
    got = {name: replayed([(each, at)], [block]) for name, (each, at, _) in cases.items()}
    assert got == {name: expected for name, (_, _, expected) in cases.items()}


def test_a_replay_over_two_blocks_is_one_replay():
    landed = [(write(0, 50), 500), (write(1, 250), 260)]
    assert replayed(landed, [(100, 200), (300, 400)]) == 1


def test_counts_see_replays_through_the_whole_chain():
    counts = count(
        traces(
            intruder=[write(0, 10), write(1, 150, "timeout"), write(2, 300)],
            plc=[received(0, 11), received(1, 220), received(2, 301)],
        ),
        blocks=[(100, 200)],
    )
    assert (counts.writes_landed, counts.replayed_writes) == (3, 1)


def test_broken_lines_of_all_traces_are_told():
    assert count({"plc": Reading((), 2), "scanner": Reading((), 1)}).broken == 3


def test_polls_count_over_all_starts_of_a_view():
    first = [Started(1, "hmi"), Polls(2, 10, 0), Polls(3, 20, 1)]
    assert polled([]) == (0, 0)
    assert polled(first) == (20, 1)
    assert polled([*first, Started(4, "hmi")]) == (20, 1)
    assert polled([*first, Started(4, "hmi"), Polls(5, 3, 0)]) == (23, 1)
