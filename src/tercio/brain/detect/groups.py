"""What is left to ask once the routing values of a line are known: one plan per combination of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tercio.brain.detect import ir
from tercio.brain.detect.fields import FieldReader, own_name
from tercio.brain.detect.patterns import FieldMatcher
from tercio.brain.detect.rules import Rule
from tercio.model.events import Match

Test = Callable[[frozenset[int], Mapping[str, Any]], bool]
"""Whether a node holds, given the leaves that hold and the values by field."""

CACHED_RECORDS = 2_048
"""Combinations of values remembered per group; beyond it all are forgotten."""
CACHED_LENGTH = 4_096
"""Longest texts, taken together, of a combination that is remembered: with CACHED_RECORDS, the bound of a group's
memory (8 Mi characters)."""

_NULL_COST = 0.3
_TEXT_COST = 0.002


class Known:
    """Each node's truth as far as the routing values decide it: found out when it is asked for, and remembered."""

    def __init__(self, nodes: Sequence[ir.Node], leaves: Mapping[int, bool]) -> None:
        self._nodes = nodes
        self._truth: dict[int, bool | None] = dict(leaves)

    def __getitem__(self, place: int) -> bool | None:
        if place not in self._truth:
            self._truth[place] = self._find(self._nodes[place])
        return self._truth[place]

    def _find(self, node: ir.Node) -> bool | None:
        match node:
            case ir.And():
                members = [self[i] for i in node.of]
                return False if False in members else None if None in members else True
            case ir.Or():
                members = [self[i] for i in node.of]
                return True if True in members else None if None in members else False
            case ir.Not():
                inner = self[node.of]
                return None if inner is None else not inner
            case _:
                return None


class Group:
    """The rules that can still match lines of one routing key, and the fields they need."""

    def __init__(
        self,
        nodes: Sequence[ir.Node],
        matchers: Mapping[str, FieldMatcher],
        rules: Iterable[Rule],
        known: Known,
        places: Callable[[str], tuple[str, ...]] = own_name,
    ) -> None:
        tests = _Tests(nodes, known)
        self._always: list[Rule] = []
        self._unanchored: list[tuple[Rule, Test]] = []
        self._anchored: dict[int, list[tuple[Rule, Test]]] = {}
        asked: list[str] = []
        carried: list[str] = []
        for rule in rules:
            if known[rule.condition] is False:
                continue
            carried.extend(rule.carries)
            if known[rule.condition]:
                self._always.append(rule)
                continue
            asked.extend(tests.fields(rule.condition))
            entry = (rule, tests.of(rule.condition))
            anchor = tests.anchor(rule.condition)
            if anchor is None:
                self._unanchored.append(entry)
            for place in anchor[1] if anchor else ():
                self._anchored.setdefault(place, []).append(entry)
        self._anchors = frozenset(self._anchored)
        self._reader = FieldReader([*asked, *carried], places)
        self._matchers = [(at, matchers[f].hits) for at, f in enumerate(self._reader.fields) if f in set(asked)]
        self._remembered: dict[tuple[Any, ...], tuple[tuple[str, dict[str, str]], ...]] = {}
        self.empty = not (self._always or self._unanchored or self._anchored)

    def match(self, line: bytes, index: int) -> list[Match]:
        """The rules that match this line, by id. Raises as FieldReader.read does."""
        read = self._reader.read(line) if self._reader.fields else ()
        key = (*read, *map(type, read))  # Python holds 1, 1.0 and True to be equal.
        try:
            known = self._remembered.get(key)
        except TypeError:  # A list or an object is among the values.
            return [Match(name, index, carried) for name, carried in self._found(read)]
        if known is None:
            known = self._found(read)
            if len(self._remembered) >= CACHED_RECORDS:
                self._remembered.clear()
            if sum(len(value) for value in read if isinstance(value, str)) <= CACHED_LENGTH:
                self._remembered[key] = known
        return [Match(name, index, carried) for name, carried in known]

    def _found(self, read: tuple[Any, ...]) -> tuple[tuple[str, dict[str, str]], ...]:
        """The rules that hold for these values, by id, and what they carry."""
        hits = frozenset[int]().union(*[matcher(read[at]) for at, matcher in self._matchers])
        if not self._always and not self._unanchored and hits.isdisjoint(self._anchors):
            return ()
        values = dict(zip(self._reader.fields, read, strict=True))
        found = {rule.id: rule for rule in self._always}
        for place in hits & self._anchors:
            for rule, test in self._anchored[place]:
                if rule.id not in found and test(hits, values):
                    found[rule.id] = rule
        for rule, test in self._unanchored:
            if test(hits, values):
                found[rule.id] = rule
        return tuple((name, carried_values(found[name], values)) for name in sorted(found))


def carried_values(rule: Rule, values: Mapping[str, Any]) -> dict[str, str]:
    """The values that correlations need, as text; a field that has not exactly one is left out."""
    carried = {}
    for field in rule.carries:
        members = ir.scalars(values[field])
        text = ir.text_of(members[0]) if len(members) == 1 else None
        if text is not None:
            carried[field] = text
    return carried


class _Tests:
    """Turns the undecided part of the graph into functions, and says what they need."""

    def __init__(self, nodes: Sequence[ir.Node], known: Known) -> None:
        self._nodes = nodes
        self._known = known
        self._made: dict[int, Test] = {}

    def _open(self, members: Iterable[int]) -> list[int]:
        return [i for i in members if self._known[i] is None]

    def of(self, place: int) -> Test:
        if place not in self._made:
            self._made[place] = self._make(place)
        return self._made[place]

    def _make(self, place: int) -> Test:
        match self._nodes[place]:
            case ir.And(of):
                tests = [self.of(i) for i in self._open(of)]
                return lambda hits, values: all(test(hits, values) for test in tests)
            case ir.Or(of):
                tests = [self.of(i) for i in self._open(of)]
                return lambda hits, values: any(test(hits, values) for test in tests)
            case ir.Not(inner):
                test = self.of(inner)
                return lambda hits, values: not test(hits, values)
            case ir.SameAs() as leaf:
                return lambda _, values: same(leaf, values[leaf.field], values[leaf.other])
            case _:
                return lambda hits, _: place in hits

    def fields(self, place: int) -> list[str]:
        match self._nodes[place]:
            case ir.And(of) | ir.Or(of):
                return [field for i in self._open(of) for field in self.fields(i)]
            case ir.Not(inner):
                return self.fields(inner)
            case ir.SameAs(field, other):
                return [field, other]
            case leaf:
                return [leaf.field]

    def anchor(self, place: int) -> tuple[float, frozenset[int]] | None:
        """Leaves of which one at least holds whenever the node does, rare ones if possible; None if there are none."""
        match self._nodes[place]:
            case ir.And(of):
                found = [a for a in map(self.anchor, self._open(of)) if a]
                return min(found, key=lambda a: (a[0], min(a[1])), default=None)
            case ir.Or(of):
                parts = [self.anchor(i) for i in self._open(of)]
                chosen = [a for a in parts if a]
                if len(chosen) < len(parts):
                    return None
                return sum(a[0] for a in chosen), frozenset[int]().union(*(a[1] for a in chosen))
            case ir.Not() | ir.SameAs():
                return None
            case ir.Null() | ir.Exists():
                return _NULL_COST, frozenset((place,))
            case ir.Text(_, parts):
                longest = max((len(part) for part in parts if isinstance(part, str)), default=0)
                return _TEXT_COST / (1 + longest), frozenset((place,))
            case _:
                return _TEXT_COST, frozenset((place,))


def same(leaf: ir.SameAs, value: Any, other: Any) -> bool:
    """Whether a field's value relates to another's as asked: any member of a list will do, null and absence never."""
    if value is msgspec.UNSET or other is msgspec.UNSET:
        return False
    return any(_alike(leaf, mine, theirs) for mine in ir.scalars(value) for theirs in ir.scalars(other))


def _alike(leaf: ir.SameAs, mine: Any, theirs: Any) -> bool:
    own, reference = ir.text_of(mine), ir.text_of(theirs)
    if own is None or reference is None:
        return False
    own, reference = ir.fold(own), ir.fold(reference)
    if leaf.starts and leaf.ends:
        return reference in own
    if leaf.starts:
        return own.startswith(reference)
    return own.endswith(reference) if leaf.ends else own == reference
