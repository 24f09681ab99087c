"""What lines are filed under: the short way says what the long way says, and nothing is thrown away."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.app.filing import filer
from tercio.model.events import Batch, Event
from tercio.products.sensors import SENSORS
from tercio.store.events import Line
from tests.archived import filed
from tests.loop.test_sift import POISON, fragile

GOLDEN = Path(__file__).parents[1] / "golden"
WINDOWS = {
    "windows": {"Channel": "Security", "EventID": 4624, "Computer": "WS-1.Plant.example.", "IpAddress": "10.0.0.9"},
    "winlogbeat": {"winlog": {"channel": "Security", "event_id": 4624, "computer_name": "WS-1"}},
    "evtx": {"Event": {"System": {"Channel": "Security", "EventID": {"#text": 4624}, "Computer": "WS-1"}}},
}
TIMES = {
    "windows": lambda record, time: record | {"UtcTime": time},
    "winlogbeat": lambda record, time: record | {"@timestamp": time},
    "evtx": lambda record, time: {
        "Event": {"System": record["Event"]["System"] | {"TimeCreated": {"#attributes": {"SystemTime": time}}}}
    },
}


def recorded(name: str) -> list[bytes]:
    """The lines of a sensor's golden cases."""
    if name in WINDOWS:
        times = ("2026-11-24 08:00:01.5", "2026-11-24T08:00:01Z", "", "yesterday", "2026-11-24T10:00:01.25+02:00")
        return [json.dumps(TIMES[name](WINDOWS[name], time)).encode() + b"\n" for time in times]
    inputs = [json.loads(path.read_text())["input"] for path in sorted((GOLDEN / name).glob("*.json"))]
    texts = [text for given in inputs for text in (given if isinstance(given, list) else [given])]
    return [text.encode("utf-8", "surrogatepass") + b"\n" for text in texts]


def kept(name: str, lines: list[bytes], offset: int = 0) -> list[Line]:
    return list(filer(SENSORS[name])(Batch("s", "g", offset, tuple(lines), 7)))


@pytest.mark.parametrize("name", SENSORS)
def test_lines_are_filed_as_their_events_say(name: str):
    lines = kept(name, recorded(name), 100)
    understood = 0
    for line in lines:
        event = SENSORS[name].parse("s", "g", line.offset, line.raw, 7)
        if isinstance(event, Event):
            understood += 1
            assert (line.time, line.host) == (event.time, event.host or (event.src.address if event.src else ""))
        assert line.product == SENSORS[name].log_source.product
        assert line.received == 7
    assert understood
    assert lines[0].offset == 100
    assert all(after.offset == line.offset + len(line.raw) for line, after in itertools.pairwise(lines))
    assert sorted(b"".join(line.raw for line in lines)) == sorted(b"".join(recorded(name)))


@pytest.mark.parametrize("name", SENSORS)
def test_routing_fields_are_those_of_detection(name: str):
    raw, shaped = SENSORS[name].records(tuple(recorded(name)))
    log_source, compared = SENSORS[name].log_source, 0
    for line, record, written in zip(kept(name, recorded(name)), shaped, raw, strict=True):
        try:
            meant = filed("s", log_source, record, written)
        except Exception:  # noqa: BLE001  Whatever detection can't read has no fields here.
            assert line.routes == {}
            continue
        compared += 1
        assert dict(line.routes) == dict(meant.routes)
    assert compared


@given(name=st.sampled_from(sorted(SENSORS)), lines=st.lists(st.binary(max_size=60), max_size=4))
def test_no_line_is_lost_or_raises_whatever_it_is(name: str, lines: list[bytes]):
    given_lines = [line.replace(b"\n", b"") + b"\n" for line in lines]
    assert sorted(b"".join(line.raw for line in kept(name, given_lines))) == sorted(b"".join(given_lines))


def test_what_is_no_record_is_filed_under_its_receipt():
    (line,) = kept("suricata", [b"\xff not JSON\n"])
    assert (line.time, line.host, line.routes) == (7, "", {})


def test_one_is_not_true():
    lines = [b'{"event_type":%s,"timestamp":"x"}\n' % value for value in (b"1", b"true", b"1.0", b"[1]", b"null")]
    assert [line.routes["event_type"] for line in kept("suricata", lines)] == ["1", "true", "1.0", "", ""]


@pytest.mark.parametrize("records", [False, True])
def test_a_record_over_which_its_sensor_fails_is_kept_like_one_that_is_none(records: bool):
    line = b'{"event_type":"flow","src_ip":"10.0.0.1","timestamp":"2026-11-24T08:00:00+0000"}\n'
    lines = (line, POISON + b"\n", line)
    found = list(filer(fragile(records=records))(Batch("s", "g", 0, lines, 7)))
    assert [each.raw for each in found] == list(lines)
    assert [each.host for each in found] == ["10.0.0.1", "", "10.0.0.1"]
    assert found[1] == Line("s", "g", len(line), "suricata", "", 7, 7, lines[1], {})
