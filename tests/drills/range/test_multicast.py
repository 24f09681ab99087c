import socket
from argparse import Namespace

from tercio.drills.range import enip
from tercio.drills.range.multicast import udp


def test_the_watchdog_is_four_intervals():
    assert enip.WATCHDOG == 4 * enip.CYCLE


def test_its_socket_hears_the_group_and_never_itself():
    options = Namespace(address="127.0.0.1", group=enip.GROUP, io_port=0)
    with udp(options) as wire:
        assert wire.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP) == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            other.sendto(b"x", (enip.GROUP, wire.getsockname()[1]))
        wire.settimeout(60)
        assert wire.recv(10) == b"x"


def test_losing_the_parent_is_a_lost_session_and_no_time_out_of_the_data(bystanding):
    (lost,) = bystanding["lost"]["io-plc2"]
    assert lost["session"] == "io parent"
    assert "nothing got through" in lost["reason"]
    assert bystanding["harm"]["the rest stopped"]["io_timeouts"] == 0


def test_the_connection_is_opened_anew_after_it(bystanding):
    assert bystanding["opened"] == 2


def test_data_that_is_dropped_is_harm_in_both_directions(bystanding):
    assert bystanding["harm"]["cyclic data dropped"]["io_timeouts"] == 4
    assert bystanding["harm"]["cyclic data dropped"]["sessions_lost"] == 0
