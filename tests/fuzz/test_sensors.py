"""Every sensor on hostile lines: it says what it could not understand, loses no byte, and reads the next good line."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import Hit, Windows, step
from tercio.content import rule_texts
from tercio.model.events import Batch, Event, Match, Unparsed
from tercio.products.sensors import SENSORS
from tests.fuzz.mutate import golden, in_linear_time, mutated, rounds

AT = "2026-11-24T08:00:00.123Z"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
DATA = {"Image": "C:\\Windows\\cmd.exe", "SourceIp": "10.77.30.30", "SourcePort": "50000", "DestinationIp": "::1"}
CLOCK = {"#attributes": {"SystemTime": AT}}
WINDOWS: dict[str, Any] = {
    "windows": {"Channel": SYSMON, "EventID": 3, "Hostname": "EWS1.plant", "@timestamp": AT, **DATA},
    "winlogbeat": {
        "@timestamp": AT,
        "winlog": {"channel": SYSMON, "event_id": 3, "computer_name": "EWS1", "event_data": DATA},
    },
    "evtx": {
        "Event": {
            "System": {"Channel": SYSMON, "EventID": {"#text": 3}, "Computer": "EWS1", "TimeCreated": CLOCK},
            "EventData": DATA,
        }
    },
}
GOOD = {
    "suricata": b'{"timestamp":"2026-11-24T08:00:00.000001+0000","event_type":"alert","src_ip":"10.77.20.66",'
    b'"src_port":1,"dest_ip":"10.77.30.21","dest_port":502,"proto":"TCP","alert":{"signature_id":9200003}}\n',
    "auditd": b"type=USER_LOGIN msg=audit(1795507200.123:900): pid=1 uid=0 res=success\n",
    "journald": b'{"__REALTIME_TIMESTAMP":"1795507200000000","MESSAGE":"x","_HOSTNAME":"h"}\n',
    "weblog": b'10.0.0.1 - - [24/Nov/2026:08:00:00 +0000] "GET /x HTTP/1.1" 404 1 "-" "-"\n',
    **{name: json.dumps(value).encode() + b"\n" for name, value in WINDOWS.items()},
}
RECEIVED = 2_000_000_000_000_000
RULES = compile_rules(rule_texts())


def seeds(name: str) -> list[bytes]:
    return [GOOD[name], *(golden(name) if name not in WINDOWS else [])]


def read(name: str, lines: Sequence[bytes]) -> list[Event | Unparsed]:
    """What a sensor makes of lines, after asserting that it keeps its word on them."""
    sensor = SENSORS[name]
    assert 0 <= sensor.whole(lines) <= len(lines)
    raw, shaped = sensor.records(tuple(lines))
    assert len(raw) == len(shaped)
    assert sum(map(len, raw)) == sum(map(len, lines)), "no byte is lost or made up"
    for line in (line for written, line in zip(raw, shaped, strict=True) if line not in (b"", written)):
        assert isinstance(msgspec.json.decode(line), dict), "what is given another shape is an object"
        assert line.endswith(b"}\n")
    told, offset = [], 0
    for line in raw:
        assert sensor.observes(line) in (True, False)
        told.append(sensor.parse(name, "1", offset, line, RECEIVED))
        offset += len(line)
    return told


@pytest.mark.parametrize("name", SENSORS)
def test_whatever_comes_is_an_event_or_said_to_be_none(name: str) -> None:
    good = GOOD[name]
    with in_linear_time(600):
        for number, text in enumerate(mutated(seeds(name), rounds(1500), name)):
            lines = [line for line in text.splitlines(keepends=True) if line] or [b"\n"]
            told = read(name, [*lines, good] if lines[-1].endswith(b"\n") else [*lines[:-1], lines[-1] + b"\n", good])
            assert all(isinstance(each, Event | Unparsed) for each in told), (number, text)
            assert isinstance(told[-1], Event), f"round {number}: the good line behind is not read: {text!r}"
            for event in told:
                if isinstance(event, Unparsed):
                    assert event.reason
                else:
                    assert -(1 << 60) < event.began < 1 << 60 > event.time
                    msgspec.json.encode(event)


@pytest.mark.parametrize("name", SENSORS)
def test_no_line_keeps_the_matcher_from_the_next(name: str) -> None:
    """Lines of any making go through our rules and their windows; the good line behind them is matched as if alone."""
    sensor, good = SENSORS[name], GOOD[name]
    detector = Detector(RULES, {name: sensor.log_source})
    alone = {each.rule for each in detector.match(_batch(name, sensor.records((good,))[1]))}
    windows = Windows()
    for text in mutated(seeds(name), rounds(500), f"match {name}"):
        lines = tuple(line for line in (*text.rstrip(b"\n").splitlines(keepends=True), b"\n", good) if line)
        raw, shaped = sensor.records(lines)
        found = detector.match(_batch(name, shaped))
        assert {each.rule for each in found if each.index == len(raw) - 1} == alone, text
        hits = []
        for match in found:
            event = sensor.parse(name, "1", match.index, raw[match.index], RECEIVED)
            if isinstance(match, Match) and isinstance(event, Event):
                hits.append(Hit(match, event))
        windows, findings = step(RULES, windows, hits)
        assert all(finding.events for finding in findings)


def _batch(name: str, lines: tuple[bytes, ...]) -> Batch:
    return Batch(name, "1", 0, lines, RECEIVED)


MEGABYTE = 1 << 20
HOSTILE = {
    "suricata": [
        b'{"event_type"' + b" " * MEGABYTE + b"}\n",
        b'"event_type" ' * (MEGABYTE // 13) + b"\n",
        GOOD["suricata"][:-2] + b',"modbus":{"request":{"function_raw":3,"read":{"address":0,"quantity":2000}},'
        b'"response":{"function_raw":3,"read":{"data":"' + b"\\\\x80" * (MEGABYTE // 5) + b'"}}}}\n',
    ],
    "auditd": [
        b"type=PATH msg=audit(1795507200.123:1): " + piece * ((MEGABYTE >> 1) // len(piece)) + b"\n"
        for piece in (b"a=( ", b"a=' ", b'a=" ', b"a=(", b"msg='", b"msg='a=( ", b"A-", b"a", b"41=", b"a0=41 ")
    ]
    + [b"type=PATH msg=audit(1795507200.123:1): " + b" ".join(b"a=%d" % n for n in range(100_000)) + b"\n"]
    + [b"type=EXECVE msg=audit(1795507200.123:1): " + b" ".join(b"a%d=41" % n for n in range(50_000)) + b"\n"],
    "journald": [
        b'{"__REALTIME_TIMESTAMP":"1","_COMM":"sshd","_UID":"0","MESSAGE":"'
        + piece * ((MEGABYTE >> 1) // len(piece))
        + b'"}\n'
        for piece in (b" 1.1.1.1 port 1", b" 1", b"=1.1", b" 1.1.1.1 port 1 ssh2: ", b"1 port ")
    ],
    "weblog": [
        begin + piece * ((1 << 18) // len(piece) - 100) + end
        for begin in (b"1.1.1.1 - - [24/Nov/2026:08:00:00 +0000] ", b"1.1.1.1 - ", b"")
        for piece in (b'"', b'\\"', b'" 200 1', b'" 200 1 "-" "', b"- ", b"[24/Nov/2026", b"a")
        for end in (b"\n", b'" 200 1 "-" "-"\n', b'" 200 1 "-\n')
    ],
    "windows": [
        json.dumps({**WINDOWS["windows"], "@timestamp": piece * 9000}).encode() + b"\n" for piece in ("1", " -")
    ],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_half_a_megabyte_made_to_be_slow_is_read_in_linear_time(name: str) -> None:
    for line in HOSTILE[name]:
        with in_linear_time():
            read(name, [line, GOOD[name]])


def test_many_records_of_one_event_are_joined_in_linear_time() -> None:
    """All records that name one serial are one event, whatever their number."""
    records = [b"type=PATH msg=audit(1795507200.123:1): name=%d\n" % number for number in range(20_000)]
    with in_linear_time():
        read("auditd", [*records, GOOD["auditd"]])
