"""Every rule in the content is replayed over its own recorded cases."""

from pathlib import Path

import pytest

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules
from tercio.brain.detect.windows import Hit, Windows, step
from tercio.content import rule_texts, suricata_rules
from tercio.model.events import Batch, Event, Provenance
from tercio.model.findings import Finding
from tercio.model.ids import event_id
from tercio.products.sensors import SENSORS

RULES = suricata_rules().parent.parent / "rules"
RULESET = compile_rules(rule_texts())
NAMES = sorted(rule_texts())


def replay(path: Path) -> tuple[set[str], list[Finding]]:
    """The base rules that matched, and the findings, over a file of EVE lines."""
    lines = tuple(path.read_bytes().splitlines(keepends=True))
    assert lines, f"{path} is empty"
    batch = Batch("eve", "1", 0, lines, 2_000_000_000_000_000)
    sensor = SENSORS["suricata"]
    detector = Detector(RULESET, {"eve": sensor.log_source})
    events = []
    offset = 0
    for line in lines:
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


@pytest.mark.parametrize("name", NAMES)
def test_positive_case(name: str) -> None:
    assert says(name, (RULES / name).parent / "positive.ndjson")


@pytest.mark.parametrize("name", NAMES)
def test_negative_case(name: str) -> None:
    assert not says(name, (RULES / name).parent / "negative.ndjson")


def test_every_folder_is_a_rule() -> None:
    assert {name.split("/")[0] for name in NAMES} == {entry.name for entry in RULES.iterdir() if entry.is_dir()}


def test_everything_is_supported_and_routed() -> None:
    assert RULESET.rejected == ()
    assert Detector(RULESET, {"eve": SENSORS["suricata"].log_source}).unrouted == {}


def test_every_signature_has_its_rule() -> None:
    ours = [line for line in suricata_rules().read_text().splitlines() if line.startswith("alert ")]
    sids = [line.split("sid:")[1].split(";")[0] for line in ours]
    assert len(sids) == len(set(sids)) >= 3
    for sid in sids:
        assert any(f"signature_id: {sid}" in text for text in rule_texts().values())
    assert not any("mismatch" in line.lower() for line in ours)
    assert all("metadata:provenance " in line for line in ours)


def test_a_proven_sweep_in_full() -> None:
    _, findings = replay(RULES / "proven-sweep" / "positive.ndjson")
    sweep = next(f for f in findings if f.rule == own_id("syn-sweep/rule.yml"))
    proven = next(f for f in findings if f.rule == own_id("proven-sweep/rule.yml"))
    assert sweep.provenance is Provenance.FORGEABLE
    assert proven.provenance is Provenance.ESTABLISHED
    assert proven.src == sweep.src == "10.77.20.66"
    assert proven.dst == ("10.77.30.21",), "the host that the source merely talked to is not accused"
    assert set(sweep.events) < set(proven.events)
    assert proven.techniques == ("T0846",)
    assert proven.tactics == ("discovery",)
    assert proven.flow == sweep.flow
    assert len(findings) == 2, "a completed handshake is no finding"


def test_a_sweep_forged_in_the_name_of_an_hmi_proves_nothing() -> None:
    _, findings = replay(RULES / "proven-sweep" / "negative.ndjson")
    assert [(f.rule, f.src, f.provenance) for f in findings] == [
        (own_id("syn-sweep/rule.yml"), "10.77.20.10", Provenance.FORGEABLE)
    ]


def test_a_write_in_full() -> None:
    _, findings = replay(RULES / "modbus-write" / "positive.ndjson")
    (write,) = findings
    assert (write.src, write.dst, write.service, write.port) == ("10.77.20.66", ("10.77.30.21",), "modbus", 502)
    assert write.provenance is Provenance.ESTABLISHED
    assert write.techniques == ("T0855",)


def test_the_content_is_compiled_the_same_way_every_time() -> None:
    assert isinstance(RULESET, RuleSet)
    assert compile_rules(dict(reversed(rule_texts().items()))) == RULESET
