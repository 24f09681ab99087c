"""Our Suricata rules before the real Suricata, on real packets (namespaces of its own; needs root)."""

import json
import os
import shutil
import struct
from functools import cache
from typing import Any

import msgspec
import pytest

from tercio.content import suricata_rules
from tercio.model.events import Event, Provenance
from tercio.products.sensors.suricata import parse
from tests.content import record
from tests.content.lab import ENGINEER, HMI, OFFICE, PLC, SCANNER, Lab, capture
from tests.content.record import ask, read_registers, write_register

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it makes network namespaces"),
    pytest.mark.skipif(shutil.which("suricata") is None, reason="Suricata is not installed"),
]


def scenario(lab: Lab) -> None:
    polls = lab.connect(HMI, PLC, 502)
    assert polls is not None
    ask(polls, read_registers(0, 2))
    for _ in range(3):
        session = lab.connect(SCANNER, OFFICE, 7)
        assert session is not None
        session.sendall(b"tercio")
        session.recv(16)
        session.close()
    lab.forge_syns(HMI, PLC, range(502, 503), polls.getsockname()[1])
    ask(polls, read_registers(0, 2))
    ask(polls, struct.pack(">BHH", 1, 0, 12))
    writer = lab.connect(SCANNER, PLC, 502)
    ask(writer, write_register(7, 1500))


@cache
def recorded() -> list[bytes]:
    return capture(scenario)


def alerts(sid: int) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in recorded()]
    return [r for r in records if r["event_type"] == "alert" and r["alert"]["signature_id"] == sid]


def parsed(value: dict[str, Any]) -> Event:
    event = parse("eve", "1", 0, msgspec.json.encode(value), 0)
    assert isinstance(event, Event)
    return event


def test_a_handshake_twice_for_two_hosts_that_make_many() -> None:
    assert sorted(alert["src_ip"] for alert in alerts(9200001)) == sorted((HMI, SCANNER, SCANNER, SCANNER))
    assert all(parsed(alert).provenance is Provenance.ESTABLISHED for alert in alerts(9200001))


def test_a_forged_syn_that_borrows_a_session_stays_forgeable() -> None:
    own, forged, other = alerts(9200002)
    assert (own["src_ip"], forged["src_ip"], other["src_ip"]) == (HMI, HMI, SCANNER)
    assert (forged["src_port"], forged["dest_port"]) == (own["src_port"], 502)
    assert forged["app_proto"] == "modbus", (
        "Suricata lends the session's protocol to the forged packet: this is the trap"
    )
    assert parsed(forged).provenance is Provenance.FORGEABLE
    del forged["alert"]["metadata"]
    assert parsed(forged).provenance is Provenance.FORGEABLE, "also for a rule that says nothing of provenance"


def test_a_write_is_told_from_reads() -> None:
    (write,) = alerts(9200003)
    assert (write["src_ip"], write["dest_ip"], write["dest_port"]) == (SCANNER, PLC, 502)
    assert write["modbus"]["request"]["write"] == {"address": 7, "data": 1500}
    event = parsed(write)
    assert (event.provenance, event.service) == (Provenance.ESTABLISHED, "modbus")
    del write["alert"]["metadata"]
    assert parsed(write).provenance is Provenance.ESTABLISHED, "an alert about a transaction is proof enough"


def test_readings_are_what_the_plc_answered() -> None:
    events = [parsed(json.loads(line)) for line in recorded() if b'"event_type":"modbus"' in line]
    shown = {(r.address, r.table, r.index): r.value for event in events for r in event.readings}
    expected: dict[tuple[str, str, int], int] = {(PLC, "register", i): 500 + i for i in (0, 1)}
    expected |= {(PLC, "coil", i): 1 - i % 2 for i in range(12)}
    assert shown == expected


def test_nothing_but_our_rules_alerts() -> None:
    seen = {json.loads(line)["alert"]["signature_id"] for line in recorded() if b'"event_type":"alert"' in line}
    assert seen == {9200001, 9200002, 9200003}


def flood(lab: Lab) -> None:
    lab.forge_syns(HMI, PLC, [502] * 60)
    lab.forge_syns(HMI, ENGINEER, range(1, 4))
    lab.forge_syns(HMI, OFFICE, range(1, 4))


def test_attempts_are_reported_one_by_one_up_to_a_limit_for_each_pair_of_hosts() -> None:
    records = [json.loads(line) for line in capture(flood)]
    seen = [r["dest_ip"] for r in records if r["event_type"] == "alert" and r["alert"]["signature_id"] == 9200002]
    assert [seen.count(address) for address in (PLC, ENGINEER, OFFICE)] == [40, 3, 0], "one target hides no other"
    assert len(seen) == 43


def test_the_recorder_covers_every_case() -> None:
    rules = suricata_rules().parent.parent / "rules"
    watched = {file for file in rules.glob("*/*.ndjson") if b'"event_type":' in file.read_bytes()}
    assert set(record.watched()) == {f"{file.parent.name}/{file.stem}" for file in watched}
