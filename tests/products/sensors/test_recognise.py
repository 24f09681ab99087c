import json

import pytest

from tercio.products.sensors.recognise import recognised

AT = "2026-11-24T08:00:00Z"
EXAMPLES = {
    "suricata": {"timestamp": "2026-11-24T08:00:00.000000+0000", "event_type": "flow"},
    "windows": {"Channel": "System", "EventID": 1, "@timestamp": AT},
    "winlogbeat": {"@timestamp": AT, "winlog": {"channel": "System", "event_id": 1}},
    "evtx": {"Event": {"System": {"EventID": 1, "TimeCreated": {"#attributes": {"SystemTime": AT}}}}},
    "journald": {"__REALTIME_TIMESTAMP": "1795507200000000", "MESSAGE": "x"},
    "auditd": "type=USER_LOGIN msg=audit(1795507200.000:1): pid=1",
    "weblog": '10.0.0.1 - - [24/Nov/2026:09:00:00 +0100] "GET / HTTP/1.1" 200 5',
}


def line(example: object) -> bytes:
    return (example if isinstance(example, str) else json.dumps(example)).encode() + b"\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_sensors_own_lines_are_its_own(name: str):
    assert recognised([line(EXAMPLES[name])]) == name
    assert recognised([b"garbage\n", line(EXAMPLES[name]), b"{}\n"]) == name


@pytest.mark.parametrize("lines", [[], [b""], [b"{}\n"], [b"a,b,c\n"], [b"\x00" * 100], [b'{"eventName": "x"}\n']])
def test_strange_lines_are_nobodys(lines: list[bytes]):
    assert recognised(lines) == ""
