import json
import shutil
from pathlib import Path

import pytest

from tercio.drills.range.lease import CLIENT, SERVER
from tercio.drills.range.traces import Leased, read_trace


@pytest.fixture
def moved(drill):
    if not drill["moved"]:
        pytest.skip("busybox is missing: install the package busybox")
    return drill


def test_the_address_passes_from_one_machine_to_the_other(moved):
    records = read_trace(Path(moved["folder"], "traces", "lease.jsonl")).records
    assert [(each.host, each.mac, each.held) for each in records if isinstance(each, Leased)] == [
        ("ws1", "02:00:0a:4d:0a:0a", True),
        ("ws1", "02:00:0a:4d:0a:0a", False),
        ("ws2", "02:00:0a:4d:0a:0b", True),
    ]
    assert moved["moved"]["ws1"] == []
    assert moved["moved"]["ws2"] == ["10.77.10.10"]
    assert moved["moved"]["neighbour"] == "02:00:0a:4d:0a:0b", "whoever knew the old machine turns to the new one"


def test_the_sensor_logs_who_was_given_what_in_full(moved):
    lines = Path(moved["folder"], "suricata", "eve.json").read_text().splitlines()
    said = [e for line in lines if (e := json.loads(line))["event_type"] == "dhcp"]
    assert {e["in_iface"] for e in said} == {"br-office"}
    given = [(e["dhcp"]["client_mac"], e["dhcp"]["assigned_ip"]) for e in said if e["dhcp"].get("dhcp_type") == "ack"]
    assert given == [("02:00:0a:4d:0a:0a", "10.77.10.10"), ("02:00:0a:4d:0a:0b", "10.77.10.10")]
    assert [e["ether"]["src_mac"] for e in said if e["dhcp"].get("dhcp_type") == "release"] == ["02:00:0a:4d:0a:0a"]


def test_the_templates_have_no_place_left():
    filled = SERVER.format(address="10.0.0.1", bridge="b", folder="/f", router="10.0.0.2")
    assert "{" not in filled
    assert CLIENT.startswith("#!/bin/sh\n")
    assert shutil.which("sh")
