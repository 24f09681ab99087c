import json
import socket
import struct
from pathlib import Path

import pytest

from tercio.drills.adversaries.spoofer import FIRST_PORT, checksum, packet
from tercio.drills.range.sweep import MOST
from tercio.drills.range.topology import HOSTS
from tercio.drills.range.traces import Forged, Session, read_trace

SPOOFER = "tercio.drills.adversaries.spoofer"


def test_from_the_office_none_of_it_comes_through_in_either_family(drill):
    forged = drill["network"]["forged"]
    assert forged["office 4"] == forged["office 6"] == 0


def test_on_the_screens_own_wire_it_comes_through_in_both(drill):
    forged = drill["network"]["forged"]
    assert forged["ot 4"] > 0
    assert forged["ot 6"] > 0


def test_the_firewall_counts_what_it_refused_for_its_way_back(drill):
    assert drill["network"]["refused_v6"] > 0


def test_it_completes_no_handshake(drill):
    traces = Path(drill["folder"], "traces")
    tried = [
        each
        for name in ("spoofer", "outsider")
        for each in read_trace(traces / f"{name}.jsonl").records
        if isinstance(each, Forged)
    ]
    assert {each.source for each in tried} == {HOSTS["hmi1"].address4, HOSTS["hmi1"].address6}
    opened = {each.port for each in read_trace(traces / "plc.jsonl").records if isinstance(each, Session)}
    assert not opened & set(range(FIRST_PORT, FIRST_PORT + MOST))


def test_the_sensor_sees_it_on_the_ot_wire_and_takes_it_for_no_session(drill):
    lines = Path(drill["folder"], "suricata", "eve.json").read_text().splitlines()
    flows = [
        e
        for line in lines
        if (e := json.loads(line))["event_type"] == "flow" and FIRST_PORT <= e.get("src_port", 0) < FIRST_PORT + MOST
    ]
    assert flows
    assert {e["in_iface"] for e in flows} == {"br-ot"}
    assert not {e["tcp"].get("state") for e in flows} & {"established", "fin_wait1", "time_wait"}
    assert all(HOSTS["ews1"].mac in e["ether"]["src_macs"] for e in flows), "its own card betrays it"


@pytest.mark.parametrize(("source", "target"), [("10.77.30.10", "10.77.30.21"), ("fd00:77:30::10", "fd00:77:30::21")])
def test_a_packet_is_a_syn_with_a_right_checksum(source, target):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    made = packet(source, target, 20007, 502)
    head, segment = made[:-20], made[-20:]
    assert struct.unpack(">HHIIHH", segment[:16])[:5] == (20007, 502, 1, 0, 0x5002)
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    assert head.endswith(ends)
    assert checksum(ends + struct.pack(">II", 20, 6) + segment) == 0
    assert head[0] >> 4 == (6 if family == socket.AF_INET6 else 4)


@pytest.mark.parametrize(
    ("data", "sum_"), [(b"", 0xFFFF), (b"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 0x220D), (b"\xff\xff" * 9, 0)]
)
def test_checksum_by_rfc_1071(data, sum_):
    assert checksum(data) == sum_


def test_a_rate_of_nothing_is_refused(stage):
    argv = ("--rate", "0")
    process = stage.start(SPOOFER, *argv)
    assert process.wait(timeout=20) == 2
    assert "a rate is above 0" in (stage.folder / "spoofer.log").read_text()
