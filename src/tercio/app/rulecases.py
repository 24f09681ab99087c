"""Recorded cases beside rules: a positive one that must match, a negative one that must not.

Beside a rule that is alone in its folder they are called ``positive*.ndjson`` and ``negative*.ndjson``, beside one of
several ``NAME.positive*.ndjson`` and ``NAME.negative*.ndjson``, where the rule is ``NAME.yml``.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.windows import Hit, Windows, step
from tercio.model.events import Batch, Event
from tercio.products.sensors import SENSORS, Sensor

LATER = 4_000_000_000_000_000
"""When the records are taken as received (in 2096): behind the times of all of them."""
LARGEST = 64 << 20
"""Bytes of a case at the most."""


class Case(msgspec.Struct, frozen=True):
    """What came of one case: ``fault`` is empty where it held."""

    rule: str
    title: str
    file: str
    positive: bool
    fault: str


class Tried(msgspec.Struct, frozen=True):
    """All cases, and the rules (by id, with their files) that have none of one kind."""

    cases: tuple[Case, ...]
    untested: dict[str, str]


def try_cases(ruleset: RuleSet, files: Mapping[str, Iterable[str]]) -> Tried:
    """Replay the cases beside these files; ``files`` says which rules and correlations, by id, each holds."""
    cases: list[Case] = []
    untested: dict[str, str] = {}
    for file, rules in sorted(files.items()):
        for rule in rules:
            found = [_tried(ruleset, rule, path, positive) for path, positive in _beside(Path(file))]
            cases += found
            if {case.positive for case in found} != {True, False}:
                untested[rule] = file
    return Tried(tuple(cases), untested)


def _beside(file: Path) -> list[tuple[Path, bool]]:
    alone = len([path for end in ("*.yml", "*.yaml") for path in file.parent.glob(end)]) == 1
    start = "" if alone else f"{file.stem}."
    return [
        (path, positive)
        for word, positive in (("positive", True), ("negative", False))
        for path in sorted(file.parent.glob(f"{start}{word}*.ndjson"))
    ]


def _tried(ruleset: RuleSet, rule: str, path: Path, positive: bool) -> Case:
    known = ruleset.rules.get(rule) or ruleset.correlations[rule]
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 20} MB")
        lines = tuple(path.read_bytes().splitlines(keepends=True))
        said = _says(ruleset, rule, lines)
        fault = (
            "" if said is positive else "it should match, and does not" if positive else "it matches, and should not"
        )
    except OSError as error:
        fault = str(error.strerror)
    except ValueError as error:
        fault = str(error)
    return Case(rule, known.title, str(path), positive, fault)


def _says(ruleset: RuleSet, rule: str, lines: tuple[bytes, ...]) -> bool:
    """Whether a rule matches one of the lines, or a correlation comes true over them. Raises ValueError for lines that
    no sensor understands."""
    name, sensor, events = _read(_products(ruleset, rule), lines)
    batch = Batch(name, "1", 0, lines, LATER)
    matches = Detector(ruleset, {name: sensor.log_source}).match(batch)
    if rule in ruleset.rules:
        return any(match.rule == rule for match in matches)
    loud = {key: msgspec.structs.replace(each, generate=True) for key, each in ruleset.correlations.items()}
    heard = msgspec.structs.replace(ruleset, correlations=loud)
    _, findings = step(heard, Windows(), [Hit(match, events[match.index]) for match in matches])
    return any(finding.rule == rule for finding in findings)


def _products(ruleset: RuleSet, rule: str) -> set[str]:
    if rule in ruleset.rules:
        return {ruleset.rules[rule].origin.product}
    return set[str]().union(*(_products(ruleset, part) for part in ruleset.correlations[rule].rules))


def _read(products: set[str], lines: tuple[bytes, ...]) -> tuple[str, Sensor, list[Event]]:
    """The sensor of these products that understands every line, and the events that it makes of them."""
    if not lines:
        raise ValueError("it has no lines")
    faults = []
    for name, sensor in SENSORS.items():
        if sensor.log_source.product not in products and "" not in products:
            continue
        events, offset = [], 0
        for number, line in enumerate(lines, 1):
            event = sensor.parse(name, "1", offset, line, LATER)
            if not isinstance(event, Event):
                faults.append(f"line {number} is no record of {name}: {event.reason}")
                break
            events.append(event)
            offset += len(line)
        else:
            return name, sensor, events
    raise ValueError("; ".join(faults) or f"no sensor reads {' or '.join(sorted(products))}")
