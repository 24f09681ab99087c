import json
from typing import Any

import pytest

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.sigma import compile_rules
from tercio.model.events import Batch, Endpoint, Event, Provenance, Unparsed
from tercio.model.units import instant
from tercio.products.sensors import SENSORS
from tercio.products.sensors.windows import EVTX, FLAT, MAX_LINE, WINLOGBEAT, Shape, log_source, parser

RULE = """\
title: t
id: 00000000-0000-4000-8000-000000000001
logsource: {product: windows, category: ps_classic_script}
detection: {s: {Data|contains: evil}, condition: s}
"""
SYSMON = "Microsoft-Windows-Sysmon/Operational"
AT = "2026-11-24T08:00:00.123Z"


def record(shape: str, channel: str, number: Any, **data: Any) -> dict[str, Any]:
    """One record as this kind of forwarder writes it."""
    match shape:
        case "windows":
            return {"Channel": channel, "EventID": number, "Hostname": "EWS1.plant", "@timestamp": AT, **data}
        case "winlogbeat":
            head = {"channel": channel, "event_id": number, "computer_name": "EWS1.plant", "event_data": data}
            return {"@timestamp": AT, "winlog": head}
        case _:
            time = {"#attributes": {"SystemTime": AT}}
            system = {"Channel": channel, "EventID": number, "Computer": "EWS1.plant", "TimeCreated": time}
            return {"Event": {"System": system, "EventData": data}}


def parsed(shape: Shape, value: Any) -> Event | Unparsed:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"
    return parser(shape)("win", "1", 7, raw, 9)


SHAPES = {"windows": FLAT, "winlogbeat": WINLOGBEAT, "evtx": EVTX}


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_gives_the_same_event(name: str):
    event = parsed(SHAPES[name], record(name, SYSMON, 1, Image="C:\\\\cmd.exe"))
    assert isinstance(event, Event)
    assert (event.kind, event.class_uid, event.host) == ("Microsoft-Windows-Sysmon:1", 1007, "ews1.plant")
    assert event.time == event.began == event.until == instant(AT)
    assert (event.product, event.offset, event.received) == ("windows", 7, 9)
    assert event.provenance is Provenance.FORGEABLE
    assert (event.src, event.dst) == (None, None)


@pytest.mark.parametrize("name", SHAPES)
def test_a_network_record_names_both_ends(name: str):
    ends = {"SourceIp": "10.77.30.30", "SourcePort": "50000", "DestinationIp": "::ffff:10.77.30.21"}
    event = parsed(SHAPES[name], record(name, SYSMON, "3", **ends, DestinationPort=502))
    assert (event.src, event.dst) == (Endpoint("10.77.30.30", 50000), Endpoint("10.77.30.21", 502))
    assert event.class_uid == 4001


def test_a_logon_names_where_it_came_from():
    event = parsed(FLAT, record("windows", "Security", 4625, IpAddress="10.77.10.10", IpPort="-"))
    assert (event.src, event.dst, event.class_uid) == (Endpoint("10.77.10.10"), None, 3002)
    local = parsed(FLAT, record("windows", "Security", 4624, IpAddress="::1", IpPort="0"))
    assert local.src is None


def test_an_event_id_with_its_qualifiers():
    event = parsed(EVTX, record("evtx", "System", {"#attributes": {"Qualifiers": 16384}, "#text": 7045}))
    assert event.kind == "System:7045"


@pytest.mark.parametrize(
    ("time", "means"),
    [
        ("2026-11-24 08:00:00.123", AT),
        ("2026-11-24T09:00:00.123+01:00", AT),
        ("2026-11-24T08:00:00.1230000Z", AT),
    ],
)
def test_times(time: str, means: str):
    assert parsed(FLAT, {"Channel": "System", "EventID": 1, "TimeCreated": time}).time == instant(means)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"[]", "Expected `object`"),
        (b'{"EventID": \xff}', "malformed"),
        (b"[" * 100_000, "Expected `object`"),
        ({}, "its event id is ''"),
        ({"EventID": "1e3", "@timestamp": AT}, "its event id is '1e3'"),
        ({"EventID": -1, "@timestamp": AT}, "its event id is '-1'"),
        ({"EventID": True, "@timestamp": AT}, "its event id is ''"),
        ({"EventID": 1}, "when it happened"),
        ({"EventID": 1, "@timestamp": "yesterday"}, "Invalid isoformat"),
        (b'{"EventID":1,"x":"' + b"a" * MAX_LINE + b'"}', "longer than"),
    ],
)
def test_what_is_no_record_is_said(value: Any, reason: str):
    result = parsed(FLAT, value)
    assert isinstance(result, Unparsed)
    assert reason in result.reason


def test_hostile_values_are_bounded():
    event = parsed(FLAT, record("windows", "x" * 5000, 3, SourceIp="y" * 5000, SourcePort="9" * 5000))
    assert len(event.kind) <= 128
    assert event.src is None


@pytest.mark.parametrize("name", ["", "10.77.30.21", "a b", "x" * 5000, "plc1@02:00:00:00:00:01", "\u0000"])
def test_what_is_no_host_name_names_no_host(name: str):
    record = {"Channel": "System", "EventID": 1, "@timestamp": AT, "Hostname": name}
    assert parsed(FLAT, record).host == ""


def test_values_without_a_name_are_found():
    rules = compile_rules({"r": RULE})
    lines = [
        json.dumps(record("evtx", "Windows PowerShell", 800, Data=data)) for data in ({"#text": ["x", "evil"]}, "evil")
    ]
    lines.append(json.dumps(record("evtx", "Windows PowerShell", 800, Data={"#text": "x"})))
    batch = Batch("e", "1", 0, tuple(line.encode() + b"\n" for line in lines), 0)
    found = Detector(rules, {"e": SENSORS["evtx"].log_source}).match(batch)
    assert [match.index for match in found] == [0, 1]


def test_they_are_in_the_table():
    for name in SHAPES:
        assert SENSORS[name].log_source.product == "windows"
        assert SENSORS[name].observes(b'{"EventID":1}') is False


def test_fields_that_some_logs_call_or_put_otherwise():
    spaced = {name: log_source(shape).places("ThreatName")[1] for name, shape in SHAPES.items()}
    assert spaced == {
        "windows": "Threat Name",
        "winlogbeat": "winlog.event_data.Threat Name",
        "evtx": "Event.EventData.Threat Name",
    }
    assert log_source(EVTX).places("FilePath") == (
        "Event.EventData.FilePath",
        "Event.UserData.RuleAndFileData.FilePath",
    )
    assert log_source(WINLOGBEAT).places("User") == ("winlog.event_data.User", "winlog.user_data.User")
    assert log_source(FLAT).places("User") == ("User",)
