import contextlib
import socket
import struct

import pytest
from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest, WriteSingleCoilRequest
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadHoldingRegistersRequest,
    ReadWriteMultipleRegistersRequest,
)

from tercio.drills.range.master import Master
from tercio.drills.range.plc import record
from tercio.drills.range.traces import Line, Malformed, Request, Session, Trip


def frame(number, function, *words, unit=1):
    body = struct.pack(f">BB{len(words)}H", unit, function, *words)
    return struct.pack(">HHH", number, 0, len(body)) + body


def talk(stage, data, length):
    with socket.create_connection(("127.0.0.1", stage.port), timeout=3) as session:
        session.sendall(data)
        got = b""
        while len(got) < length and (part := session.recv(4096)):
            got += part
        return got


def test_it_serves_registers_and_traces_who_asked_for_what(stage):
    stage.plc()
    with Master("127.0.0.1", stage.port) as master:
        assert master.open()
        port = master.local_port
        assert master.read(1, 3)[0] == 1
        assert master.read(3, 3) == [600, 400, 210]
        assert len(master.read(4, 5)) == 5
        assert master.write(2, 230) == "acked"
        assert master.read(3, 3)[2] == 230
    requests = stage.records("plc", Request)
    assert [(each.function, each.count, each.values) for each in requests] == [
        (1, 3, ()), (3, 3, ()), (4, 5, ()), (6, 1, (230,)), (3, 3, ())
    ]  # fmt: skip
    assert {(each.peer, each.port) for each in requests} == {("127.0.0.1", port)}
    stage.until(lambda: [each.opened for each in stage.records("plc", Session)] == [True, False])


def test_many_requests_in_one_segment_are_all_carried_out_in_order(stage):
    stage.plc()
    burst = b"".join(frame(number, 6, 3, number) for number in range(1, 101))
    got = talk(stage, burst + frame(101, 3, 3, 1), 100 * 12 + 11)
    assert got[-2:] == struct.pack(">H", 100), "the last write is what is read behind it"
    assert [each.values for each in stage.records("plc", Request)][:100] == [(number,) for number in range(1, 101)]


@pytest.mark.parametrize(
    "bad", [frame(1, 0x63), frame(1, 3, 0, 0), frame(1, 3), b"\x00\x01\x00\x00\x00\x02\x01\x10", frame(1, 1, 0, 9999)]
)
def test_malformed_requests_are_traced_and_cost_one_session_only(stage, bad):
    stage.plc()
    with socket.create_connection(("127.0.0.1", stage.port), timeout=3) as session:
        session.sendall(bad)
        with contextlib.suppress(ConnectionResetError):
            assert session.recv(100) == b""
    stage.until(lambda: stage.records("plc", Malformed))
    with Master("127.0.0.1", stage.port) as master:
        assert master.read(3, 2) == [600, 400]


def test_an_address_that_is_not_there_is_refused_and_the_session_lives(stage):
    stage.plc()
    got = talk(stage, frame(1, 6, 999, 1) + frame(2, 3, 0, 1), 9 + 11)
    assert got[7] == 0x86
    assert got[-2:] == struct.pack(">H", 600)


def test_a_rogue_setpoint_trips_the_line(stage):
    stage.plc()
    with Master("127.0.0.1", stage.port) as master:
        assert master.write(1, 901) == "acked"
        stage.until(lambda: stage.records("plc", Trip))
        assert master.read(1, 3) == [0, 0, 0]
        assert master.read(4, 5)[4] == 1
    assert stage.end("plc") == 0
    last = stage.records("plc", Line)[-1]
    assert (last.running, last.trips) == (False, 1)
    assert stage.records("plc", Trip)[0].reason == "overflow"


def test_requests_are_recorded_by_what_they_write():
    both = ReadWriteMultipleRegistersRequest(read_address=9, read_count=4, write_address=2, write_registers=[7, 8])
    pairs = [
        (WriteSingleCoilRequest(address=2, bits=[True]), (5, 2, 1, (1,))),
        (WriteMultipleCoilsRequest(address=0, bits=[True, False]), (15, 0, 2, (1, 0))),
        (MaskWriteRegisterRequest(address=1, and_mask=3, or_mask=4), (22, 1, 2, (3, 4))),
        (both, (23, 2, 2, (7, 8))),
        (ReadHoldingRegistersRequest(address=5, count=6), (3, 5, 6, ())),
    ]
    for pdu, expected in pairs:
        made = record(pdu, "10.0.0.1", 9)
        assert (made.function, made.address, made.count, made.values) == expected
        assert (made.peer, made.port) == ("10.0.0.1", 9)
