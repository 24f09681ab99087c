"""The graph as questions: what is decided already, and what the rest needs and comes to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from tercio.brain.detect import ir
from tercio.brain.detect.leaves import Test, all_of, any_of, for_leaf, for_texts


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
        self._tests: dict[int, Test] = {}
        self._sizes: dict[int, int] = {}

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
                return all_of([self.test(i) for i in sorted(self._open(of), key=self._size)])
            case ir.Or(of):
                return any_of(list(self._parts(of)))
            case ir.Not(inner):
                test = self.test(inner)
                return lambda record: not test(record)
            case leaf:
                return for_leaf(place, leaf)

    def _parts(self, members: tuple[int, ...]) -> Iterator[Test]:
        """The tests of a disjunction's members: of texts about one field, one for all."""
        texts: dict[tuple[str, bool], list[ir.Text]] = {}
        others = []
        for place in self._open(members):
            node = self._nodes[place]
            if isinstance(node, ir.Text):
                texts.setdefault((node.field, node.cased), []).append(node)
            else:
                others.append(place)
        yield from chain.from_iterable(map(for_texts, texts.values()))
        yield from (self.test(place) for place in sorted(others, key=self._size))

    def _size(self, place: int) -> int:
        """How many nodes a test of this one may come to ask: those with few are asked first."""
        if place not in self._sizes:
            match self._nodes[place]:
                case ir.And(of) | ir.Or(of):
                    self._sizes[place] = 1 + sum(map(self._size, self._open(of)))
                case ir.Not(inner):
                    self._sizes[place] = 1 + self._size(inner)
                case _:
                    self._sizes[place] = 1
        return self._sizes[place]
