"""Every rule in the content is replayed over its own recorded cases."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import Hit, Windows, step
from tercio.content import rule_texts, suricata_rules
from tercio.model.events import Batch, Endpoint, Event, Provenance
from tercio.model.findings import Finding
from tercio.model.ids import event_id
from tercio.products.sensors import SENSORS
from tercio.products.sensors.recognise import recognised
from tests.content.lab import HMI, PLC, SCANNER, STATIONS

RULES = suricata_rules().parent.parent / "rules"
RULESET = compile_rules(rule_texts())
NAMES = sorted(rule_texts())
WITH_LINES = [name for name in NAMES if (RULES / name).with_name("positive.ndjson").exists()]
"""Rules whose cases lie beside them; those of the others lie in recordings that are only referred to."""


@cache
def detector_of(sensor: str) -> Detector:
    return Detector(RULESET, {"eve": SENSORS[sensor].log_source})


def replay(path: Path) -> tuple[set[str], list[Finding]]:
    """The base rules that matched, and the findings, over a file of lines."""
    lines = tuple(path.read_bytes().splitlines(keepends=True))
    assert lines, f"{path} is empty"
    name = recognised(lines)
    sensor, detector = SENSORS[name], detector_of(name)
    raw, shaped = sensor.records(lines)
    batch = Batch("eve", "1", 0, shaped, 2_000_000_000_000_000)
    events = []
    offset = 0
    for line in raw:
        event = sensor.parse("eve", "1", offset, line, batch.received)
        assert isinstance(event, Event), event
        assert event.id == event_id("eve", "1", offset, line)
        events.append(event)
        offset += len(line)
    matches = detector.match(batch)
    _, findings = step(RULESET, Windows(), [Hit(match, events[match.index]) for match in matches])
    return {match.rule for match in matches}, list(findings)


def own_id(name: str) -> str:
    line = next(line for line in rule_texts()[name].splitlines() if line.startswith("id: "))
    return line.removeprefix("id: ")


def says(name: str, path: Path) -> bool:
    matched, findings = replay(path)
    rule = own_id(name)
    return rule in matched or any(finding.rule == rule for finding in findings)


@pytest.mark.parametrize("name", WITH_LINES)
def test_positive_case(name: str) -> None:
    assert says(name, (RULES / name).parent / "positive.ndjson")


@pytest.mark.parametrize("name", WITH_LINES)
def test_negative_case(name: str) -> None:
    assert not says(name, (RULES / name).parent / "negative.ndjson")


def test_every_folder_is_a_rule() -> None:
    assert {name.split("/")[0] for name in NAMES} == {entry.name for entry in RULES.iterdir() if entry.is_dir()}


def test_everything_is_supported_and_routed() -> None:
    assert RULESET.rejected == ()
    assert Detector(RULESET, {name: sensor.log_source for name, sensor in SENSORS.items()}).unrouted == {}


def test_every_signature_has_its_rule() -> None:
    ours = [line for line in suricata_rules().read_text().splitlines() if line.startswith("alert ")]
    sids = [line.split("sid:")[1].split(";")[0] for line in ours]
    assert len(sids) == len(set(sids)) >= 3
    for sid in sids:
        assert any(sid in text.partition("detection:")[2] for text in rule_texts().values())
    assert not any("mismatch" in line.lower() for line in ours)
    assert all("metadata:provenance " in line for line in ours)


def test_every_signature_is_seen_in_a_positive_case() -> None:
    seen = b"".join(path.read_bytes() for path in RULES.glob("*/positive.ndjson"))
    ours = re.findall(r"\bsid:(\d+);", suricata_rules().read_text())
    assert [sid for sid in ours if f'"signature_id":{sid},'.encode() not in seen] == []


def test_no_case_holds_a_password() -> None:
    seen = b"".join(path.read_bytes() for path in RULES.glob("*/*.ndjson"))
    assert b"harmless" not in seen
    assert b"Authorization" not in seen


def alerts(path: Path, sid: int, source: str) -> list[Event]:
    """The events of one signature from one source, in the order of their lines."""
    found, offset = [], 0
    for line in path.read_bytes().splitlines(keepends=True):
        event = SENSORS["suricata"].parse("eve", "1", offset, line, 0)
        offset += len(line)
        if f'"signature_id":{sid},'.encode() in line and isinstance(event, Event) and event.src.address == source:
            found.append(event)
    return found


def test_a_sweep_in_full() -> None:
    path = RULES / "port-sweep" / "positive.ndjson"
    probes = alerts(path, 9200002, SCANNER)
    first, shake = alerts(path, 9200001, SCANNER)
    assert [probe.dst.port for probe in probes] == [502, 102, 44818, 4840, 80, 22]
    assert first.dst == Endpoint("10.77.10.5", 7), "it was proven elsewhere, and then again"
    (sweep,) = replay(path)[1]
    assert sweep.rule == own_id("port-sweep/rule.yml")
    assert sorted(sweep.events) == sorted((shake.id, *(probe.id for probe in probes[:4])))
    assert sweep.offset == probes[3].offset, "the fourth port is enough"
    assert (sweep.src, sweep.provenance) == (SCANNER, Provenance.ESTABLISHED)
    assert sweep.dst == ("10.77.30.21",), "the host that the source merely talked to is not accused"
    assert (sweep.port, sweep.flow) == (4840, probes[3].flow)
    assert (sweep.techniques, sweep.tactics) == (("T0846",), ("discovery",))


def test_a_sweep_forged_in_the_name_of_an_hmi_proves_nothing() -> None:
    path = RULES / "port-sweep" / "forged.ndjson"
    assert len(alerts(path, 9200002, HMI)) == 5
    (sweep,) = replay(path)[1]
    assert (sweep.rule, sweep.src) == (own_id("port-sweep/rule.yml"), HMI)
    assert sweep.provenance is Provenance.FORGEABLE


def test_everyday_connections_are_no_finding() -> None:
    """The case holds what it claims: proven sources, enough connections, and three ports, but not four."""
    path = RULES / "port-sweep" / "negative.ndjson"
    ports = [probe.dst.port for probe in alerts(path, 9200002, SCANNER)]
    assert (len(ports), set(ports)) == (17, {502, 102, 4840})
    assert len(alerts(path, 9200002, HMI)) == 6
    assert alerts(path, 9200001, SCANNER)
    assert alerts(path, 9200001, HMI)
    assert replay(path)[1] == []


def test_a_sweep_over_hosts_in_full() -> None:
    path = RULES / "host-sweep" / "positive.ndjson"
    probes = alerts(path, 9200002, SCANNER)
    assert [probe.dst.address for probe in probes] == [PLC, *STATIONS]
    (shake,) = alerts(path, 9200001, SCANNER)
    (sweep,) = replay(path)[1]
    assert sweep.rule == own_id("host-sweep/rule.yml")
    assert sorted(sweep.events) == sorted((shake.id, *(probe.id for probe in probes)))
    assert (sweep.src, sweep.provenance, sweep.port) == (SCANNER, Provenance.ESTABLISHED, 502)
    assert set(sweep.dst) == {PLC, *STATIONS}


def test_a_sweep_over_hosts_in_the_name_of_an_hmi_proves_nothing() -> None:
    path = RULES / "host-sweep" / "forged.ndjson"
    assert alerts(path, 9200001, HMI), "a handshake elsewhere, on another port, proves nothing of it"
    (sweep,) = replay(path)[1]
    assert (sweep.rule, sweep.src) == (own_id("host-sweep/rule.yml"), HMI)
    assert sweep.provenance is Provenance.FORGEABLE


def test_seven_hosts_however_often_are_no_sweep_over_hosts() -> None:
    path = RULES / "host-sweep" / "negative.ndjson"
    probes = [(probe.dst.address, probe.dst.port) for probe in alerts(path, 9200002, SCANNER)]
    assert (len(probes), len({address for address, port in probes if port == 502})) == (22, 7)
    assert len({address for address, _ in probes}) == 8
    assert alerts(path, 9200001, SCANNER)
    assert replay(path)[1] == []


def test_a_write_in_full() -> None:
    _, findings = replay(RULES / "modbus-write" / "positive.ndjson")
    (write,) = findings
    assert (write.src, write.dst, write.service, write.port) == ("10.77.20.66", ("10.77.30.21",), "modbus", 502)
    assert write.provenance is Provenance.ESTABLISHED
    assert write.techniques == ("T0855",)


@pytest.mark.parametrize(
    ("name", "technique", "level"),
    [
        ("modbus-silence", "T0814", "high"),
        ("modbus-programming", "T0843", "medium"),
        ("modbus-identify", "T0888", "low"),
    ],
)
def test_what_no_write_rule_sees_is_a_finding_from_a_proven_source(name: str, technique: str, level: str) -> None:
    _, findings = replay(RULES / name / "positive.ndjson")
    assert findings
    assert {finding.rule for finding in findings} == {own_id(f"{name}/rule.yml")}
    for finding in findings:
        assert (finding.src, finding.dst, finding.port) == (SCANNER, (PLC,), 502)
        assert (finding.provenance, finding.techniques, finding.level) == (Provenance.ESTABLISHED, (technique,), level)


def test_the_content_is_compiled_the_same_way_every_time() -> None:
    assert isinstance(RULESET, RuleSet)
    assert compile_rules(dict(reversed(rule_texts().items()))) == RULESET


def test_remote_access_services_are_the_same_by_either_name() -> None:
    said = yaml.safe_load(rule_texts()["remote-access-tls/rule.yml"])["detection"]["service"]["tls.sni|endswith"]
    asked = yaml.safe_load(rule_texts()["remote-access-dns/rule.yml"])["detection"]["service"]
    assert asked == {"dns.query.rrname|endswith": said}
