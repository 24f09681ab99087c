"""Suricata's EVE records: golden cases, hostile input, recorded captures."""

import collections
import json
import lzma
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.model.events import Event, Provenance, Unparsed
from tercio.products.sensors import SENSORS, Sensor
from tercio.products.sensors.suricata import FILING, LOG_SOURCE, MAX_LINE, observes, parse
from tercio.testing.golden import Case, cases, check

ROOT = Path(__file__).parents[3]
GOLDEN = cases(ROOT / "tests" / "golden" / "suricata")
LEFT_OUT = {"source", "generation", "offset", "product", "received"}


def produce(line: str) -> dict[str, Any]:
    """A line as the golden cases show it: what stands in every event, and what is empty, is left out."""
    event = parse("eve", "g1", 4096, line.encode() + b"\n", 1_800_000_000_000_000)
    if isinstance(event, Unparsed):
        return {"unparsed": event.reason}
    assert (event.source, event.generation, event.offset, event.product) == ("eve", "g1", 4096, "suricata")
    assert event.received == 1_800_000_000_000_000
    fields = msgspec.to_builtins(event)
    return {"event": {k: v for k, v in fields.items() if v not in ("", [], None) and k not in LEFT_OUT}}


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_golden(case: Case) -> None:
    check(case, produce)


def record(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "timestamp": "2026-11-24T08:42:46.000001+0000",
        "event_type": "alert",
        "src_ip": "10.77.20.66",
        "src_port": 40000,
        "dest_ip": "10.77.30.21",
        "dest_port": 502,
        "proto": "TCP",
    }
    return msgspec.json.encode({k: v for k, v in (fields | changes).items() if v is not None})


def parsed(**changes: Any) -> Event:
    event = parse("eve", "1", 0, record(**changes), 0)
    assert isinstance(event, Event), event
    return event


@pytest.mark.parametrize(
    ("changes", "provenance"),
    [
        ({}, Provenance.FORGEABLE),
        ({"app_proto": "failed", "stream": 1}, Provenance.FORGEABLE),
        ({"app_proto": "unknown", "tx_id": 0}, Provenance.FORGEABLE),
        ({"app_proto": "modbus"}, Provenance.FORGEABLE),
        ({"app_proto": "modbus", "stream": 0}, Provenance.FORGEABLE),
        ({"app_proto": "modbus", "stream": 1}, Provenance.ESTABLISHED),
        ({"app_proto": "modbus", "tx_id": 0}, Provenance.ESTABLISHED),
        ({"app_proto": "http", "tx_id": 0, "direction": "to_server"}, Provenance.ESTABLISHED),
        ({"app_proto": "http", "tx_id": 0, "direction": "to_client"}, Provenance.FORGEABLE),
        ({"app_proto": "http", "stream": 1, "direction": "to_client"}, Provenance.FORGEABLE),
        ({"app_proto": "dns", "tx_id": 0, "proto": "UDP"}, Provenance.FORGEABLE),
        ({"alert": {"metadata": {"provenance": ["established"]}}}, Provenance.ESTABLISHED),
        ({"alert": {"metadata": {"provenance": ["established"]}}, "proto": "UDP"}, Provenance.FORGEABLE),
        ({"alert": {"metadata": {"provenance": ["established", "forgeable"]}}}, Provenance.FORGEABLE),
        ({"alert": {"metadata": {"provenance": ["forgeable"]}}, "app_proto": "http", "tx_id": 0}, Provenance.FORGEABLE),
        ({"alert": {"metadata": {"provenance": "established"}}}, Provenance.FORGEABLE),
        ({"alert": {"metadata": ["provenance established"]}}, Provenance.FORGEABLE),
        ({"event_type": "http"}, Provenance.ESTABLISHED),
        ({"event_type": "dns", "proto": "UDP"}, Provenance.FORGEABLE),
        ({"event_type": "quic"}, Provenance.FORGEABLE),
        ({"event_type": "anomaly"}, Provenance.FORGEABLE),
        ({"event_type": "flow", "tcp": {"state": "syn_sent"}}, Provenance.FORGEABLE),
        ({"event_type": "flow", "tcp": {"state": "syn_recv"}}, Provenance.FORGEABLE),
        ({"event_type": "flow", "tcp": {"state": "closed"}}, Provenance.FORGEABLE),
        ({"event_type": "flow", "tcp": {"state": "closed"}, "app_proto": "failed"}, Provenance.FORGEABLE),
        ({"event_type": "flow", "tcp": {"state": "established"}}, Provenance.ESTABLISHED),
        ({"event_type": "flow", "tcp": {"state": "closed"}, "app_proto": "smb"}, Provenance.ESTABLISHED),
    ],
)
def test_provenance(changes: dict[str, Any], provenance: Provenance) -> None:
    assert parsed(**changes).provenance is provenance


def test_names_of_services() -> None:
    assert parsed(app_proto="krb5").service == "kerberos"
    assert parsed(app_proto="failed").service == ""
    assert parsed(event_type="smb").service == "smb"
    assert parsed(event_type="flow", app_proto="modbus").service == "modbus"


def test_addresses_are_written_in_one_way() -> None:
    assert parsed(src_ip="fd00:0077:0030:0000:0000:0000:0000:0021").src.address == "fd00:77:30::21"  # type: ignore[union-attr]
    assert parsed(src_ip=None).src is None


OWN, OTHER = "02:00:0a:4d:1e:0a", "02:00:0a:4d:1e:15"


@pytest.mark.parametrize(
    ("ether", "macs"),
    [
        (None, ("", "")),
        ({"src_mac": OWN.upper(), "dest_mac": OTHER}, (OWN, OTHER)),
        ({"src_mac": OWN}, (OWN, "")),
        ({"src_macs": [OWN], "dest_macs": [OTHER]}, (OWN, OTHER)),
        ({"src_macs": [OWN, OTHER], "dest_macs": []}, ("", "")),
        ({"src_mac": "ff:ff:ff:ff:ff:ff", "dest_mac": "33:33:00:00:00:16"}, ("", "")),
        ({"src_mac": "00:00:00:00:00:00", "dest_mac": "02:00:0a:4d:1e"}, ("", "")),
        ({"src_mac": "x" * 65, "dest_mac": OTHER}, ("", "")),
        ({"src_macs": [OWN] * 65}, ("", "")),
        ({"src_mac": 7}, ("", "")),
        ([OWN], ("", "")),
        ("text", ("", "")),
    ],
)
def test_link_addresses_are_those_of_one_machine_or_none(ether: object, macs: tuple[str, str]) -> None:
    event = parsed(ether=ether)
    assert event.src is not None
    assert event.dst is not None
    assert (event.src.mac, event.dst.mac) == macs


@pytest.mark.parametrize(
    "dhcp",
    [None, [], "x", {"type": "reply", "dhcp_type": "ack", "client_mac": OWN, "assigned_ip": "no address"},
     {"type": "reply", "dhcp_type": "ack", "client_mac": "", "assigned_ip": "10.0.0.1"},
     {"type": "request", "dhcp_type": "ack", "client_mac": OWN, "assigned_ip": "10.0.0.1"},
     {"type": "reply", "dhcp_type": "ack", "client_mac": OWN, "assigned_ip": "10.0.0.1%x"}],
)  # fmt: skip
def test_what_is_no_acknowledgement_assigns_nothing(dhcp: object) -> None:
    assert parsed(event_type="dhcp", proto="UDP", dhcp=dhcp).assigned is None


def test_two_equal_lines_are_two_events() -> None:
    line = record()
    first, again, moved = (parse("eve", "1", offset, line, 0) for offset in (0, 0, len(line)))
    assert isinstance(first, Event)
    assert isinstance(moved, Event)
    assert first == again
    assert first.id != moved.id


def test_a_line_without_end_is_refused() -> None:
    line = record(payload="A" * MAX_LINE)
    refused = parse("eve", "1", 0, line, 0)
    assert isinstance(refused, Unparsed)
    assert "longer than" in refused.reason
    assert isinstance(parse("eve", "1", 0, record(payload="A" * (MAX_LINE - len(record()) - 20)), 0), Event)


@pytest.mark.parametrize("field", ["community_id", "app_proto", "proto", "src_ip", "timestamp"])
def test_words_have_a_length(field: str) -> None:
    assert isinstance(parse("eve", "1", 0, record(**{field: "A" * 65}), 0), Unparsed)


def test_observes_what_tells_of_the_process_or_of_traffic() -> None:
    seen = {kind for kind in (*LOG_SOURCE.services, "quic") if observes(record(event_type=kind))}
    assert seen == {"modbus", "alert", "flow", "dhcp"}
    assert observes(b'{"event_type" : "flow"}')
    assert not observes(record(event_type="http", http={"url": '"event_type":"flow"'}))


def test_the_table_of_sensors() -> None:
    assert SENSORS["suricata"] == Sensor(LOG_SOURCE, parse, observes, filing=FILING)
    assert SENSORS["suricata"].records((b"{}\n",)) == ((b"{}\n",), (b"{}\n",))
    assert all(means == ({"event_type": (name,)},) for name, means in LOG_SOURCE.services.items())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["timestamp", "event_type", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "app_proto", "community_id"]
NAMES += ["tx_id", "stream", "alert", "flow", "tcp", "modbus", "ether", "dhcp"]


@given(st.binary(max_size=300))
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(parse("eve", "1", 0, raw, 0), Unparsed)
    observes(raw)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3))
def test_no_record_raises(changes: dict[str, Any]) -> None:
    line = json.dumps(json.loads(record(event_type="modbus")) | changes).encode("utf-8", "replace")
    event = parse("eve", "1", 0, line, 0)
    if isinstance(event, Event):
        assert event.provenance in (Provenance.ESTABLISHED, Provenance.FORGEABLE)
        assert len(event.flow) <= 64
        msgspec.json.encode(event)


@given(st.data())
def test_no_truncated_or_damaged_line_raises(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(GOLDEN))
    line = bytearray(case.input.encode())
    cut = data.draw(st.integers(0, len(line)))
    assert not isinstance(parse("eve", "1", 0, bytes(line[: min(cut, max(0, len(line) - 1))]), 0), Event)
    if line:
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
        parse("eve", "1", 0, bytes(line), 0)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":' + b"[" * 200_000,
        b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        record()[:-1] + b',"modbus":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        record(event_type="modbus")[:-1] + b',"modbus":' + b"[" * 900 + b"]" * 900 + b"}",
        record(src_port=None)[:-1] + b',"src_port":' + b"9" * 10_000 + b"}",
        record()[:-1] + b',"tx_id":' + b"9" * 10_000 + b"}",
        record()[:-1] + b',"tx_id":1e999}',
        record(timestamp="0001-01-01T00:00:00+23:59"),
        record(timestamp="9999-12-31T23:59:59-23:59"),
        record()[:-1] + b',"src_ip":"\xff\xfe"}',
        record()[:-1] + b',"community_id":"\\ud800"}',
        b"\xef\xbb\xbf" + record(),
        b"\x00" * 1000,
    ],
)
def test_hostile_lines_do_not_raise(raw: bytes) -> None:
    event = parse("eve", "1", 0, raw, 0)
    assert isinstance(event, Event | Unparsed)
    assert isinstance(event, Event) or 0 < len(event.reason) <= 200


def recorded() -> list[Path]:
    data = ROOT.parent / "shared" / "data"
    return sorted((*data.glob("ot/**/*.eve.json.xz"), *data.glob("telemetry/otrf-eve/*.eve.json.xz")))


@pytest.mark.corpus
def test_recorded_captures() -> None:
    files = recorded()
    if not files:
        pytest.skip("no recorded data beside the checkout (shared/data)")
    kinds: collections.Counter[str] = collections.Counter()
    expected: collections.Counter[str] = collections.Counter()
    readings = 0
    for file in files:
        for line in lzma.decompress(file.read_bytes()).splitlines(keepends=True):
            event = parse(file.name, "1", 0, line, 0)
            assert isinstance(event, Event), (file.name, event)
            kinds[event.kind] += 1
            expected[json.loads(line)["event_type"]] += 1
            readings += len(event.readings)
            assert not (event.transport == "udp" and event.provenance is Provenance.ESTABLISHED)
            assert event.service not in ("failed", "unknown")
    assert kinds == expected
    assert kinds.total() == 2404
    assert readings > 0
