import os
import socket
import struct

import pytest

from tercio.drills.range import s7
from tercio.drills.range.session import Lost
from tercio.drills.range.traces import Asked, SessionLost, Started

S7 = "tercio.drills.range.s7"


def test_every_message_is_as_long_as_it_says():
    for message in (s7.CONNECT, s7.CONFIRM, s7.SETUP, s7.READ):
        assert s7.complete(message) == len(message)
        assert message[4] < len(message)
    assert s7.complete(s7.READ[:3]) == 0


@pytest.mark.parametrize("data", [b"GET / HTTP/1.0", b"\x03\x00\xff\xff", b"\x03\x00\x00\x06"])
def test_bytes_that_are_no_tpkt_end_a_session(data):
    with pytest.raises(Lost):
        s7.complete(data)


def test_jobs_are_answered_under_their_number():
    for job, size in ((s7.SETUP, 8), (s7.READ, 2)):
        reply = s7.answer(s7.numbered(job, 0x1234), 9)
        assert s7.complete(reply) == len(reply)
        assert reply[7:9] == b"\x32\x03"
        assert reply[11:13] == b"\x12\x34"
        assert struct.unpack(">HH", reply[13:17])[0] == size
    assert reply.endswith(struct.pack(">HQ", 64, 9))


@pytest.mark.parametrize(
    "question",
    [b"", s7.READ[:18], s7.READ[:17] + b"\x05" + s7.READ[18:], s7.READ[:17] + b"\x29" + s7.READ[18:], b"\x03" * 40],
    ids=["nothing", "cut off", "a write", "a stop", "no S7"],
)
def test_whatever_else_is_asked_is_hung_up_on(question):
    assert s7.answer(question, 1) == b""


def test_a_session_on_loopback_goes_on_until_it_is_ended(stage):
    server = stage.start(S7, "--serve", "--bind", "127.0.0.1")
    stage.until(lambda: stage.records("s7", Started))
    (stage.folder / "s7.jsonl").rename(stage.folder / "server.jsonl")
    try:
        client = stage.start(S7, "--target", "127.0.0.1", "--nice", "3")
        stage.until(lambda: any(each.answered > 5 for each in stage.records("s7", Asked)), 60)
        with socket.create_connection(("127.0.0.1", stage.port)) as other:
            other.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert other.recv(100) == b"", "somebody else's nonsense ends his session"
        before = stage.records("s7", Asked)[-1].answered
        stage.until(lambda: stage.records("s7", Asked)[-1].answered > before + 5, 60)
        assert os.getpriority(os.PRIO_PROCESS, client.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 3)
        assert stage.end("s7") == 0
        assert stage.records("s7", SessionLost) == []
    finally:
        server.terminate()
        server.wait()


def test_a_reset_session_is_lost_and_opened_anew(bystanding):
    by_tercio, by_hand = bystanding["lost"]["s7-hmi2"]
    for lost in (by_tercio, by_hand):
        assert "reset" in lost["reason"]
        assert lost["asked"] >= 3, "answers that it had got: connected, set up, read"
