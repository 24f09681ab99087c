"""Base rules over batches of lines: route, decode what the route's rules need, ask, match (DESIGN §6)."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import msgspec

from tercio.brain.detect import ir
from tercio.brain.detect.content import Content
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.fields import FieldReader
from tercio.brain.detect.groups import Group
from tercio.brain.detect.memory import Memory
from tercio.brain.detect.parts import Part
from tercio.brain.detect.questions import Questions
from tercio.brain.detect.records import Record
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
        content = Content(ruleset.nodes, databases or Databases())
        memory = Memory()
        self._routers = {name: _Router(ruleset, content, memory, source) for name, source in log_sources.items()}
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

    def __init__(self, ruleset: RuleSet, content: Content, memory: Memory, source: LogSource) -> None:
        self._content = content
        self._memory = memory
        self._source = source
        self._reader = FieldReader(source.routes, source.places)
        self._routing = content.routing(source.routes)
        nothing_routed = self._questions(dict.fromkeys(self._routing.leaves, False))
        together: dict[tuple[Route, ...] | None, list[Rule]] = {}
        for rule in ruleset.rules.values():
            routes = routes_of(rule.origin, source)
            if routes is None and nothing_routed.known(rule.condition) is False:
                together.setdefault(None, []).append(rule)
            if routes:
                together.setdefault(tuple(dict.fromkeys(map(_key, routes))), []).append(rule)
        self._parts = [(routes, Part(rules, content, self._routing)) for routes, rules in together.items()]
        self._groups: dict[Hashable, Group | None] = {}
        self._plans: dict[tuple[tuple[int, ...], frozenset[int]], Group | None] = {}
        self.takes = frozenset(rule.id for rules in together.values() for rule in rules)

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
        record = Record(values, self._content.expressions)
        test = self._content.questions.test
        known = {place: test(place)(record) for place in self._routing.leaves}
        said = {field: ir.fold(ir.text_of(value) or "") for field, value in values.items()}
        open_now = [n for n, (routes, _) in enumerate(self._parts) if routes is None or _among(said, routes)]
        alike = (tuple(open_now), frozenset(place for place, holds in known.items() if holds))
        if alike not in self._plans:
            parts = [self._parts[n][1] for n in open_now]
            group = Group(self._content, parts, self._questions(known), self._source.places, self._memory)
            self._plans[alike] = None if group.empty else group
        return self._plans[alike]

    def _questions(self, known: Mapping[int, bool]) -> Questions:
        return Questions(self._content.nodes, known, self._content.questions, self._routing.hangs)


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


def _among(said: Mapping[str, str], routes: Iterable[Route]) -> bool:
    return any(all(said.get(field) in values for field, values in route) for route in routes)


def _no_route(origin: Origin, sources: Any) -> str:
    if all(origin.product != source.product for source in sources):
        return f"no source of product {origin.product or '(none)'}"
    named = " and ".join(name for name in (origin.category, origin.service) if name)
    return (
        f"product {origin.product} has no {named}"
        if named
        else "it names neither category nor service, nor routing values"
    )
