import socket
import struct
import threading
from pathlib import Path

import pytest

from tercio.drills.adversaries.intruder import FIRST_VALUE, MOST_WRITES, answer, attempt, frame
from tercio.drills.range.traces import Connect, Request, Write, read_trace

INTRUDER = "tercio.drills.adversaries.intruder"


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_every_write_carries_its_number_and_says_how_it_ended(stage):
    stage.plc()
    argv = ("--target", "127.0.0.1", "--write", "--count", "5", "--rate", "50", "--first", "7")
    assert stage.start(INTRUDER, *argv).wait(timeout=90) == 0
    written = stage.records("intruder", Write)
    assert [(each.sequence, each.value, each.outcome) for each in written] == [
        (number, 900 + number, "acked") for number in range(7, 12)
    ]
    arrived = [each for each in stage.records("plc", Request) if each.function == 6]
    assert [each.values for each in arrived] == [(900 + number,) for number in range(7, 12)]
    assert {each.port for each in arrived} == {each.local_port for each in written}
    assert all(sent.at <= came.at <= sent.ended for sent, came in zip(written, arrived, strict=True))


def test_it_is_bounded_in_time_count_and_rate(stage):
    stage.plc()
    stage.start(INTRUDER, "--target", "127.0.0.1", "--write", "--seconds", "1", "--rate", "20").wait(timeout=90)
    written = stage.records("intruder", Write)
    assert 0 < len(written) <= 20
    assert written[-1].at - written[0].at >= (len(written) - 1) * 50_000 * 0.9
    assert MOST_WRITES <= 500


def test_nobody_there_is_refused_and_never_counts_as_sent(stage):
    stage.start(INTRUDER, "--target", "127.0.0.1", "--write", "--count", "3", "--rate", "50").wait(timeout=90)
    assert [(each.at, each.local_port, each.outcome) for each in stage.records("intruder", Write)] == [
        (0, 0, "refused")
    ] * 3


def test_a_session_that_falls_silent_is_kept_and_one_that_is_reset_is_not(stage, listener):
    stage.port = listener.getsockname()[1]
    seen = []

    def silent_then_rude():
        first, _ = listener.accept()
        with first:
            seen.extend(first.recv(100) for _ in range(2))
            first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        second, _ = listener.accept()
        with second:
            seen.append(second.recv(100))

    thread = threading.Thread(target=silent_then_rude)
    thread.start()
    stage.start(INTRUDER, "--target", "127.0.0.1", "--write", "--count", "3", "--rate", "10").wait(timeout=90)
    thread.join(timeout=10)
    written = stage.records("intruder", Write)
    assert [each.outcome for each in written] == ["timeout", "reset", "reset"]
    assert written[0].local_port == written[1].local_port != written[2].local_port
    assert seen == [frame(number, 0, 900 + number) for number in range(3)]


def test_a_sweep_tries_every_port_and_no_write_is_made(stage):
    stage.plc()
    argv = ("--sweep", "--hosts", "127.0.0.1", "--ports", str(stage.port), "1")
    assert stage.start(INTRUDER, *argv).wait(timeout=90) == 0
    assert {(each.port, each.outcome) for each in stage.records("intruder", Connect)} == {
        (stage.port, "open"),
        (1, "refused"),
    }
    assert stage.records("intruder", Write) == []
    assert [each for each in stage.records("plc", Request) if each.function == 6] == []


def test_on_the_range_it_sweeps_fast_within_its_bound_and_writes_over_both_families(drill):
    traces = Path(drill["folder"], "traces")
    tried = [each for each in read_trace(traces / "intruder.jsonl").records if isinstance(each, Connect)]
    assert 300 < len(tried) < 400
    assert ("10.77.30.21", 502) in {(each.target, each.port) for each in tried if each.outcome == "open"}
    arrived = [
        each for each in read_trace(traces / "plc.jsonl").records if isinstance(each, Request) and each.function == 6
    ]
    assert {each.peer for each in arrived} == {"10.77.10.10", "fd00:77:10::10", "10.77.30.30"}


def test_a_late_answer_to_an_earlier_write_is_passed_over():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(frame(1, 0, 901) + frame(2, 0, 902)[:5])
        threading.Timer(0.05, lambda: there.sendall(frame(2, 0, 902)[5:])).start()
        assert answer(here, 2) == "acked"


@pytest.mark.parametrize(
    ("data", "outcome"),
    [(struct.pack(">HHHBBB", 3, 0, 3, 1, 0x86, 2), "exception"), (b"", "reset"), (frame(9, 0, 909), "timeout")],
)
def test_other_answers(data, outcome):
    here, there = socket.socketpair()
    with here:
        there.sendall(data)
        if outcome == "reset":
            there.close()
        try:
            got = answer(here, 3)
        except TimeoutError:
            got = "timeout"
        there.close()
    assert got == outcome


def test_an_attempt_on_a_closed_session_is_a_value(listener):
    session, done = attempt(None, listener.getsockname(), 0, 0)
    assert done.outcome == "timeout"
    assert done.value == FIRST_VALUE
    session.close()
    _, done = attempt(session, listener.getsockname(), 1, 0)
    assert done.outcome == "unreachable"
    assert done.at == 0


@pytest.mark.parametrize("rate", ["0", "-1"])
def test_a_rate_of_nothing_is_refused(stage, rate):
    assert stage.start(INTRUDER, "--write", "--rate", rate).wait(timeout=90) == 2
    assert "a rate is above 0" in (stage.folder / "intruder.log").read_text()
