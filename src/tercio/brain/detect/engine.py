"""Base rules over batches of lines: route, decode what the route's rules need, ask, match (DESIGN §6)."""

from collections.abc import Hashable, Mapping
from typing import Any

import msgspec

from tercio.brain.detect import ir
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.fields import FieldReader
from tercio.brain.detect.groups import Group
from tercio.brain.detect.memory import Memory
from tercio.brain.detect.patterns import FieldMatcher
from tercio.brain.detect.questions import Questions, reached
from tercio.brain.detect.rules import Origin, Rule, RuleSet
from tercio.model.events import Batch, Failed, LogSource, Match

Where = dict[str, tuple[str, ...]]
"""Which records are meant: each of these routing fields has one of these values."""

Route = tuple[tuple[str, tuple[str, ...]], ...]
"""The same as a key; letters count as equal whatever their case."""

MAX_GROUPS = 4_096
"""Routing values whose plans are kept per source; beyond it they are made anew."""


class Detector:
    """Matches lines against the rules that their source is meant for.

    ``live`` are the rules that run, by source; ``unrouted`` says of each that never runs why: no source gives its kind
    of record. It keeps plans and remembers
    values, within bounds; what it returns depends on its arguments alone.
    """

    def __init__(
        self, ruleset: RuleSet, log_sources: Mapping[str, LogSource], databases: Databases | None = None
    ) -> None:
        memory = Memory()
        matchers = _matchers(ruleset, memory, databases or Databases())
        questions = Questions(ruleset.nodes)
        self._routers = {
            name: _Router(ruleset, matchers, questions, memory, source) for name, source in log_sources.items()
        }
        self.live = {name: router.takes for name, router in self._routers.items()}
        taken = frozenset[str]().union(*self.live.values())
        self.unrouted = {
            rule.id: _no_route(rule.origin, log_sources.values())
            for rule in ruleset.rules.values()
            if rule.id not in taken
        }

    def match(self, batch: Batch) -> tuple[Match | Failed, ...]:
        """All matches, by line and then by rule id, and in their place the rules that a line made fail: these say
        nothing of it. Lines that cannot be read are skipped: the sensor reports them."""
        router = self._routers.get(batch.source)
        if router is None:
            return ()
        found: list[Match | Failed] = []
        for index, line in enumerate(batch.lines):
            try:
                group = router.group(line)
                if group is not None:
                    found.extend(group.match(line, index))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
        return tuple(found)


class _Router:
    """The groups of one source."""

    def __init__(
        self,
        ruleset: RuleSet,
        matchers: Mapping[str, FieldMatcher],
        questions: Questions,
        memory: Memory,
        source: LogSource,
    ) -> None:
        self._nodes = ruleset.nodes
        self._matchers = matchers
        self._questions = questions
        self._memory = memory
        self._source = source
        self._reader = FieldReader(source.routes, source.places)
        self._leaves = [
            (place, node.field)
            for place, node in enumerate(ruleset.nodes)
            if not isinstance(node, ir.And | ir.Or | ir.Not | ir.SameAs) and node.field in source.routes
        ]
        self._flags = reached(ruleset.nodes, [place for place, _ in self._leaves])
        nothing_routed = self._questions_of({place: False for place, _ in self._leaves})
        self._anywhere: list[Rule] = []
        self._routed: dict[Route, list[Rule]] = {}
        for rule in ruleset.rules.values():
            routes = routes_of(rule.origin, source)
            if routes is None and nothing_routed.known(rule.condition) is False:
                self._anywhere.append(rule)
            for route in routes or ():
                self._routed.setdefault(_key(route), []).append(rule)
        self._groups: dict[Hashable, Group | None] = {}
        self._plans: dict[tuple[tuple[str, ...], frozenset[int]], Group | None] = {}
        self.takes = frozenset(r.id for rules in (self._anywhere, *self._routed.values()) for r in rules)

    def group(self, line: bytes) -> Group | None:
        raw = self._reader.raw(line)
        try:
            return self._groups[raw]
        except KeyError:
            pass
        except TypeError:  # A list or an object where a routing value belongs.
            return None
        if len(self._groups) >= MAX_GROUPS:
            self._groups.clear()
            self._plans.clear()
        values = self._reader.values(raw)
        if any(isinstance(value, list | dict) for value in values):
            return None
        group = self._groups[raw] = self._plan(values)
        return group

    def _plan(self, routing: tuple[Any, ...]) -> Group | None:
        values = dict(zip(self._reader.fields, routing, strict=True))
        hits = {field: self._matchers[field].hits(value) for field, value in values.items() if field in self._matchers}
        known = {place: place in hits[field] for place, field in self._leaves}
        said = {field: ir.fold(ir.text_of(value) or "") for field, value in values.items()}
        open_now = [self._anywhere, *(rules for route, rules in self._routed.items() if _among(said, route))]
        rules = {rule.id: rule for each in open_now for rule in each}
        alike = (tuple(rules), frozenset(place for place, holds in known.items() if holds))
        if alike not in self._plans:
            group = Group(self._questions_of(known), self._matchers, rules.values(), self._source.places, self._memory)
            self._plans[alike] = None if group.empty else group
        return self._plans[alike]

    def _questions_of(self, known: Mapping[int, bool]) -> Questions:
        return Questions(self._nodes, known, self._questions, self._flags)


def _matchers(ruleset: RuleSet, memory: Memory, databases: Databases) -> dict[str, FieldMatcher]:
    leaves: dict[str, dict[int, ir.Leaf]] = {}
    for place, node in enumerate(ruleset.nodes):
        if isinstance(node, ir.SameAs):
            leaves.setdefault(node.other, {})
        if not isinstance(node, ir.And | ir.Or | ir.Not):
            leaves.setdefault(node.field, {})[place] = node
    return {field: FieldMatcher(members, memory, databases) for field, members in leaves.items()}


def routes_of(origin: Origin, source: LogSource) -> tuple[Where, ...] | None:
    """The routing values that a rule is about, as alternatives: none where it is about another source, None where it
    names only the product, so that its condition must choose."""
    if origin.product != source.product:
        return ()
    named = [source.services.get(name, ()) for name in (origin.category, origin.service) if name]
    if not named:
        return None
    routes = named[0]
    for others in named[1:]:
        routes = tuple(both for one in routes for other in others if (both := _both(one, other)) is not None)
    return routes


def _both(one: Where, other: Where) -> Where | None:
    """What satisfies two mappings; None if nothing can."""
    merged = dict(one)
    for field, values in other.items():
        merged[field] = tuple(value for value in values if value in merged.get(field, values))
    return merged if all(merged.values()) else None


def _key(where: Where) -> Route:
    return tuple((field, tuple(map(ir.fold, values))) for field, values in sorted(where.items()))


def _among(said: Mapping[str, str], route: Route) -> bool:
    return all(said.get(field) in values for field, values in route)


def _no_route(origin: Origin, sources: Any) -> str:
    if all(origin.product != source.product for source in sources):
        return f"no source of product {origin.product or '(none)'}"
    named = " and ".join(name for name in (origin.category, origin.service) if name)
    return (
        f"product {origin.product} has no {named}"
        if named
        else "it names neither category nor service, nor routing values"
    )
