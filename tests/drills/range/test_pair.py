import socket
import struct

from tercio.drills.range.pair import CYCLE, MAIN, RESERVE, WATCHDOG, advert
from tercio.drills.range.stamps import Frame
from tercio.drills.range.topology import HOSTS

FRAME = Frame(3, 4, 5)
HEAD = struct.pack("!BBBBBBH4s", 0x21, 1, MAIN, 1, 0, 1, 0, socket.inet_aton("10.77.30.50"))
IP = bytes([0x46]) + bytes(23)
"""A header with four bytes of options."""


def test_three_heartbeats_may_be_missed_and_the_main_station_comes_first():
    assert WATCHDOG == 3 * CYCLE
    assert MAIN > RESERVE


def test_a_heartbeat_is_read_behind_its_ip_header():
    assert advert(IP + HEAD + FRAME.encode()) == (MAIN, FRAME)


def test_what_is_no_heartbeat_is_none():
    for packet in (b"", IP, IP + HEAD, IP + b"\x31" + HEAD[1:] + FRAME.encode(), b"\x4f" + HEAD + FRAME.encode()):
        assert advert(packet)[1] is None


def test_the_station_in_reserve_takes_over_when_the_main_one_stands_still_and_gives_back(bystanding):
    assert bystanding["holders"] == ["hmi2", "hmi3"], "the one that stands still keeps the address, the other takes it"
    assert bystanding["holders_after"] == ["hmi2"]
    assert bystanding["harm"]["main station stood still"]["failovers"] == 0, "its own doing, and the wire's no harm"


def test_heartbeats_that_are_dropped_are_a_failover(bystanding):
    assert bystanding["both_hold"] == ["hmi2", "hmi3"]
    assert bystanding["harm"]["the rest stopped"]["failovers"] == 1


def test_the_take_over_is_told_on_the_wire(bystanding):
    assert bystanding["announced"] == [HOSTS["hmi2"].mac, HOSTS["hmi3"].mac], "where a neighbour reaches the address"
