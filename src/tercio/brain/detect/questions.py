"""The graph as questions: what is decided already, and what the rest needs, starts from and comes to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tercio.brain.detect import ir

Test = Callable[[frozenset[int], Mapping[str, Any]], bool]
"""Whether a node holds, given the leaves that hold and the values by field."""

Anchor = tuple[float, frozenset[int]]
"""How often leaves hold, by guess, and which: one of them at least holds whenever the node does."""

MOST_PAIRS = 4_096
"""Members of two lists are held against each other up to so many times: what one record asks for stays bounded."""

_NULL_COST = 0.3
_TEXT_COST = 0.002


def reached(nodes: Sequence[ir.Node], leaves: Iterable[int]) -> bytearray:
    """A flag for each node: whether its truth may hang on one of these leaves."""
    flags = bytearray(len(nodes))
    for place in leaves:
        flags[place] = 1
    for place, node in enumerate(nodes):
        if isinstance(node, ir.And | ir.Or):
            flags[place] = any(flags[member] for member in node.of)
        elif isinstance(node, ir.Not):
            flags[place] = flags[node.of]
    return flags


class TooMuch(ValueError):
    """A record asks for more work on one question than is bounded."""


class Questions:
    """The part of the graph that is still open once some leaves are known.

    What it finds out, it finds once for each node. ``others`` is the same graph with nothing known, and ``flags`` says
    for which nodes that makes a difference: for the rest, the answers of ``others`` are shared.
    """

    def __init__(
        self,
        nodes: Sequence[ir.Node],
        leaves: Mapping[int, bool] | None = None,
        others: "Questions | None" = None,
        flags: bytearray | None = None,
    ) -> None:
        self._nodes = nodes
        self._others = others or self
        self._flags = bytearray(len(nodes)) if flags is None else flags
        self._truth: dict[int, bool | None] = dict(leaves or {})
        self._fields: dict[int, dict[str, None]] = {}
        self._anchors: dict[int, Anchor | None] = {}
        self._tests: dict[int, Test] = {}

    def known(self, place: int) -> bool | None:
        """A node's truth as far as the known leaves decide it."""
        if not self._flags[place]:
            return None
        if place not in self._truth:
            self._truth[place] = self._decide(self._nodes[place])
        return self._truth[place]

    def _decide(self, node: ir.Node) -> bool | None:
        match node:
            case ir.And():
                members = [self.known(i) for i in node.of]
                return False if False in members else None if None in members else True
            case ir.Or():
                members = [self.known(i) for i in node.of]
                return True if True in members else None if None in members else False
            case ir.Not():
                inner = self.known(node.of)
                return None if inner is None else not inner
            case _:
                return None

    def _open(self, members: tuple[int, ...]) -> list[int]:
        return [i for i in members if self.known(i) is None]

    def fields(self, place: int) -> dict[str, None]:
        """The fields that decide an open node, in the order in which it names them."""
        if not self._flags[place] and self._others is not self:
            return self._others.fields(place)
        if place not in self._fields:
            self._fields[place] = self._needs(self._nodes[place])
        return self._fields[place]

    def _needs(self, node: ir.Node) -> dict[str, None]:
        match node:
            case ir.And(of) | ir.Or(of):
                return {field: None for i in self._open(of) for field in self.fields(i)}
            case ir.Not(inner):
                return self.fields(inner)
            case ir.SameAs(field, other):
                return {field: None, other: None}
            case leaf:
                return {leaf.field: None}

    def leaves(self, place: int, field: str) -> Iterator[ir.Leaf]:
        """The leaves below an open node that are about this field."""
        if field not in self.fields(place):
            return
        match self._nodes[place]:
            case ir.And(of) | ir.Or(of):
                for i in self._open(of):
                    yield from self.leaves(i, field)
            case ir.Not(inner):
                yield from self.leaves(inner, field)
            case leaf:
                yield leaf

    def anchor(self, place: int) -> Anchor | None:
        """Leaves of which one at least holds whenever an open node does, rare ones if possible; None if there are
        none."""
        if not self._flags[place] and self._others is not self:
            return self._others.anchor(place)
        if place not in self._anchors:
            self._anchors[place] = self._starts(place)
        return self._anchors[place]

    def _starts(self, place: int) -> Anchor | None:
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

    def test(self, place: int) -> Test:
        """What answers an open node."""
        if not self._flags[place] and self._others is not self:
            return self._others.test(place)
        if place not in self._tests:
            self._tests[place] = self._make(place)
        return self._tests[place]

    def _make(self, place: int) -> Test:
        match self._nodes[place]:
            case ir.And(of):
                return self._all(*self._divided(of))
            case ir.Or(of):
                return self._any(*self._divided(of))
            case ir.Not(inner):
                test = self.test(inner)
                return lambda hits, values: not test(hits, values)
            case ir.SameAs() as leaf:
                return lambda _, values: same(leaf, values[leaf.field], values[leaf.other])
            case _:
                return lambda hits, _: place in hits

    def _divided(self, members: tuple[int, ...]) -> tuple[frozenset[int], list[Test]]:
        """The members that are looked up, and tests of those that are worked out."""
        still = self._open(members)
        worked = [i for i in still if isinstance(self._nodes[i], ir.And | ir.Or | ir.Not | ir.SameAs)]
        return frozenset(still).difference(worked), [self.test(i) for i in worked]

    @staticmethod
    def _all(leaves: frozenset[int], tests: list[Test]) -> Test:
        def test(hits: frozenset[int], values: Mapping[str, Any]) -> bool:
            if not leaves <= hits:
                return False
            for each in tests:  # noqa: SIM110  # A generator would cost more than the tests.
                if not each(hits, values):
                    return False
            return True

        return test

    @staticmethod
    def _any(leaves: frozenset[int], tests: list[Test]) -> Test:
        def test(hits: frozenset[int], values: Mapping[str, Any]) -> bool:
            if not leaves.isdisjoint(hits):
                return True
            for each in tests:  # noqa: SIM110  # As above.
                if each(hits, values):
                    return True
            return False

        return test


def same(leaf: ir.SameAs, value: Any, other: Any) -> bool:
    """Whether a field's value relates to another's as asked: any member of a list will do, null and absence never.
    Raises TooMuch."""
    if value is msgspec.UNSET or other is msgspec.UNSET:
        return False
    mine, theirs = ir.scalars(value), ir.scalars(other)
    if len(mine) * len(theirs) > MOST_PAIRS:
        raise TooMuch(f"{leaf.field} and {leaf.other} have {len(mine)} and {len(theirs)} values to compare")
    return any(_alike(leaf, own, reference) for own in mine for reference in theirs)


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
