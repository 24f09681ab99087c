"""Compiled detection content as one plain value, which the shell may cache by the content's hash."""

from functools import cached_property
from typing import Literal

import msgspec

from tercio.brain.detect.ir import Node
from tercio.model.findings import Level


class Origin(msgspec.Struct, frozen=True):
    """Sigma's ``logsource``: product, and which of its categories and services. Empty where the rule does not say."""

    product: str
    category: str
    service: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule about single events. ``version`` is the hash of its text; ``condition`` its place in the graph;
    ``carries`` the fields that correlations over it need of a match."""

    id: str
    version: str
    title: str
    level: Level
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    origin: Origin
    condition: int
    carries: tuple[str, ...] = ()


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """A rule about several matches within ``span`` (microseconds) that agree in the fields ``group_by``.

    ``event_count``: at least ``count`` matches; ``value_count``: at least ``count`` different values of ``field`` (of a
    rule that it leaves out, the latest match in the window is cited beside them); ``temporal``: matches of at least
    ``count`` of its rules, in any order; ``temporal_ordered``: of all, in order. ``aliases`` says per group name and
    rule which field it means; ``generate`` lets the rules report for themselves.
    """

    id: str
    version: str
    title: str
    level: Level
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    kind: Literal["event_count", "value_count", "temporal", "temporal_ordered"]
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    aliases: dict[str, dict[str, str]]
    span: int
    count: int
    field: str
    generate: bool

    def field_of(self, group: str, rule: str) -> str:
        """The field of this rule's events that a group name means."""
        return self.aliases.get(group, {}).get(rule, group)

    def counted_of(self, rule: str) -> str:
        """The field of this rule's events whose values are counted. Empty where none are: where nothing but matches
        is counted, and where ``field`` is an alias that leaves the rule out."""
        return self.aliases[self.field].get(rule, "") if self.field in self.aliases else self.field


class Rejected(msgspec.Struct, frozen=True):
    """A valid rule that needs something which is not supported. It is left out whole, never half-evaluated."""

    file: str
    line: int
    title: str
    reason: str


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All rules, by id, over one table of nodes."""

    nodes: tuple[Node, ...]
    rules: dict[str, Rule]
    correlations: dict[str, Correlation]
    rejected: tuple[Rejected, ...] = ()

    @cached_property
    def correlations_of(self) -> dict[str, tuple[Correlation, ...]]:
        """The correlations that each base rule takes part in."""
        found: dict[str, list[Correlation]] = {}
        for correlation in self.correlations.values():
            for rule in dict.fromkeys(correlation.rules):
                found.setdefault(rule, []).append(correlation)
        return {rule: tuple(members) for rule, members in found.items()}

    def is_context(self, rule: str) -> bool:
        """Whether matches of this base rule only say something about others: Sigma's level informational."""
        return self.rules[rule].level is Level.INFORMATIONAL

    def reports(self, rule: str) -> bool:
        """Whether a match of this base rule is a finding by itself: never where it is context, and where correlations
        build on it only if all of them say ``generate``."""
        return not self.is_context(rule) and all(
            correlation.generate for correlation in self.correlations_of.get(rule, ())
        )
