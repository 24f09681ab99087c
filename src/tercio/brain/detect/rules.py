"""Compiled detection content as one plain value, which the shell may cache by the content's hash."""

from functools import cached_property
from typing import Literal

import msgspec

from tercio.brain.detect.ir import Node
from tercio.model.findings import Level

Kind = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_median",
    "value_percentile",
    "temporal",
    "temporal_ordered",
]
Op = Literal["gt", "gte", "lt", "lte", "eq", "neq"]


class Origin(msgspec.Struct, frozen=True):
    """Sigma's ``logsource``: product, and which of its categories and services. Empty where the rule does not say."""

    product: str
    category: str
    service: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule about single events. ``version`` is the hash of its text; ``author`` as it names itself; ``condition`` its
    place in the graph; ``carries`` the fields that correlations over it need of a match."""

    id: str
    version: str
    title: str
    level: Level
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    author: str = ""
    origin: Origin
    condition: int
    carries: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """A match of this rule is in the window."""

    rule: str


class Every(msgspec.Struct, frozen=True, tag="every"):
    """All of these hold."""

    of: tuple["Expression", ...]


class Some(msgspec.Struct, frozen=True, tag="some"):
    """At least one of these holds."""

    of: tuple["Expression", ...]


class Never(msgspec.Struct, frozen=True, tag="never"):
    """This does not hold."""

    of: "Expression"


Expression = Seen | Every | Some | Never
"""What an extended condition asks of the rules that were seen in a window."""


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """A rule about several matches within ``span`` (microseconds) that agree in the fields ``group_by``. Its ``rules``
    may be correlations in turn: then the group's values of their findings are what is grouped and counted.

    What is held against ``count`` by ``op``: of ``event_count``, the matches; of ``value_count``, the different values
    (combinations, where there are several ``fields``; of a rule that they leave out, the latest match in the window is
    cited beside them); of ``value_sum``, ``value_avg``, ``value_median`` and ``value_percentile`` (nearest rank), that
    of the numbers in the field; of ``temporal``, the rules seen, in any order, or, with an ``expression``, which ones;
    of ``temporal_ordered``, all, in order. ``aliases`` says per group name and rule which field it means; ``generate``
    lets the rules report for themselves. ``at_end``: further matches could make it false again, so it is judged when
    the window is over; such windows stand end to end, from the epoch on, as in a database.
    """

    id: str
    version: str
    title: str
    level: Level
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    author: str = ""
    kind: Kind
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    aliases: dict[str, dict[str, str]]
    span: int
    op: Op = "gte"
    count: int | float
    fields: tuple[str, ...] = ()
    percentile: int = 0
    expression: Expression | None = None
    at_end: bool = False
    generate: bool

    def field_of(self, group: str, rule: str) -> str:
        """The field of this rule's events that a group name means."""
        return self.aliases.get(group, {}).get(rule, group)

    def counted_of(self, rule: str) -> tuple[str, ...]:
        """The fields of this rule's events whose values are counted. Empty where none are: where nothing but matches
        is counted, and where one of ``fields`` is an alias that leaves the rule out."""
        found = [self.aliases[field].get(rule, "") if field in self.aliases else field for field in self.fields]
        return () if "" in found else tuple(found)


class Rejected(msgspec.Struct, frozen=True):
    """A valid rule that needs something which is not supported. It is left out whole, never half-evaluated."""

    file: str
    line: int
    title: str
    reason: str


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All rules, by id, over one table of nodes; a correlation stands behind those that it builds on."""

    nodes: tuple[Node, ...]
    rules: dict[str, Rule]
    correlations: dict[str, Correlation]
    rejected: tuple[Rejected, ...] = ()

    @cached_property
    def correlations_of(self) -> dict[str, tuple[Correlation, ...]]:
        """The correlations that each rule or correlation takes part in."""
        found: dict[str, list[Correlation]] = {}
        for correlation in self.correlations.values():
            for rule in dict.fromkeys(correlation.rules):
                found.setdefault(rule, []).append(correlation)
        return {rule: tuple(members) for rule, members in found.items()}

    @cached_property
    def judged_at_end(self) -> tuple[Correlation, ...]:
        """The correlations that wait for the end of a window, each behind those that it builds on."""
        return tuple(correlation for correlation in self.correlations.values() if correlation.at_end)

    def is_context(self, name: str) -> bool:
        """Whether this rule or correlation only says something about others: Sigma's level informational."""
        return (self.rules.get(name) or self.correlations[name]).level is Level.INFORMATIONAL

    def reports(self, name: str) -> bool:
        """Whether a match of this rule or correlation is a finding by itself: never where it is context, and where
        correlations build on it only if all of them say ``generate``."""
        return not self.is_context(name) and all(
            correlation.generate for correlation in self.correlations_of.get(name, ())
        )
