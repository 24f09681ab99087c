"""Rules over recorded lines by themselves, without the loop: which records a rule matches, whether a correlation
reports."""

from collections.abc import Iterable, Mapping

import msgspec

from tercio.brain.detect.databases import Databases
from tercio.brain.detect.engine import Detector
from tercio.brain.detect.rules import Correlation, Rule, RuleSet
from tercio.brain.detect.windows import Hit, Windows, step
from tercio.model.events import Batch, Event, Match
from tercio.model.findings import Finding
from tercio.products.sensors import SENSORS, Sensor

LATER = 4_000_000_000_000_000
"""When the records are taken as received (in 2096): behind the times of all of them."""

MOST_KEPT = 64
"""Recordings whose matches are remembered."""


class Trial:
    """A rule set on trial: one detector for each kind of source, and the matches of recordings that were asked of
    before."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self._loud = _loud(ruleset)
        self._databases = Databases()
        self._detectors: dict[str, Detector] = {}
        self._matched: dict[str, Mapping[str, tuple[int, ...]]] = {}

    def about(self, rule: str) -> Rule | Correlation:
        """The rule or correlation of this id."""
        return self.ruleset.rules.get(rule) or self.ruleset.correlations[rule]

    def title(self, rule: str) -> str:
        """What a rule or correlation calls itself."""
        return self.about(rule).title

    def is_correlation(self, rule: str) -> bool:
        """Whether this is the id of a correlation."""
        return rule in self.ruleset.correlations

    def matched(self, name: str, sensor: str, lines: tuple[bytes, ...]) -> Mapping[str, tuple[int, ...]]:
        """The places (from 0) of the records that each rule matches; remembered under ``name``."""
        if name not in self._matched:
            found: dict[str, list[int]] = {}
            for match in self._matches(sensor, lines):
                found.setdefault(match.rule, []).append(match.index)
            if len(self._matched) >= MOST_KEPT:
                self._matched.clear()
            self._matched[name] = {rule: tuple(places) for rule, places in found.items()}
        return self._matched[name]

    def reports(self, rule: str, sensor: str, lines: tuple[bytes, ...]) -> bool:
        """Whether a rule matches one of these lines, or a correlation comes true over them."""
        if not self.is_correlation(rule):
            return any(match.rule == rule for match in self._matches(sensor, lines))
        return any(finding.rule == rule for finding in self.findings(sensor, lines))

    def findings(self, sensor: str, lines: tuple[bytes, ...]) -> tuple[Finding, ...]:
        """What all rules and correlations say of these lines, those included that only others build on."""
        raw, _ = SENSORS[sensor].records(lines)
        hits: list[Hit] = []
        events: dict[int, Event] = {}
        for match in self._matches(sensor, lines):
            if match.index not in events:
                event = SENSORS[sensor].parse(sensor, "1", match.index, raw[match.index], LATER)
                if not isinstance(event, Event):
                    continue
                events[match.index] = event
            hits.append(Hit(match, events[match.index]))
        _, findings = step(self._loud, Windows(), hits)
        return tuple(findings)

    def sensor_of(self, rule: str, lines: tuple[bytes, ...]) -> str:
        """The sensor of a rule's product that understands every line. Raises ValueError where there is none."""
        products = self._products(rule)
        faults = []
        for name, sensor in SENSORS.items():
            if sensor.log_source.product in products or "" in products:
                fault = _strange(name, sensor, lines)
                if not fault:
                    return name
                faults.append(fault)
        raise ValueError("; ".join(faults) or f"no sensor reads {' or '.join(sorted(products))}")

    def _matches(self, sensor: str, lines: tuple[bytes, ...]) -> Iterable[Match]:
        if sensor not in self._detectors:
            sources = {sensor: SENSORS[sensor].log_source}
            self._detectors[sensor] = Detector(self.ruleset, sources, self._databases)
        _, shaped = SENSORS[sensor].records(lines)
        found = self._detectors[sensor].match(Batch(sensor, "1", 0, shaped, LATER))
        return [match for match in found if isinstance(match, Match)]

    def _products(self, rule: str) -> set[str]:
        if rule in self.ruleset.rules:
            return {self.ruleset.rules[rule].origin.product}
        return set[str]().union(*map(self._products, self.ruleset.correlations[rule].rules))


def _loud(ruleset: RuleSet) -> RuleSet:
    """The same, where what correlations build on is told as well."""
    loud = {key: msgspec.structs.replace(each, generate=True) for key, each in ruleset.correlations.items()}
    return msgspec.structs.replace(ruleset, correlations=loud)


def _strange(name: str, sensor: Sensor, lines: tuple[bytes, ...]) -> str:
    """The first line that is no record of a sensor; empty where all are."""
    raw, _ = sensor.records(lines)
    for number, line in enumerate(raw, 1):
        event = sensor.parse(name, "1", number, line, LATER)
        if not isinstance(event, Event):
            return f"line {number} is no record of {name}: {event.reason}"
    return ""
