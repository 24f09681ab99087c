"""What the rules of all sources share, and what those share whose records the same fields route: made once."""

from collections.abc import Sequence

from tercio.brain.detect import ir
from tercio.brain.detect.anchors import Anchors
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.literals import commonness, mark, piece_of
from tercio.brain.detect.patterns import Patterns
from tercio.brain.detect.questions import Questions, reached


class Content:
    """The graph and its questions with nothing known; a mark for each field; the pieces of its leaves by their places;
    the regular expressions by field; pattern databases."""

    def __init__(self, nodes: Sequence[ir.Node], databases: Databases) -> None:
        self.nodes = nodes
        self.databases = databases
        self.questions = Questions(nodes)
        self.leaves = {i: node for i, node in enumerate(nodes) if not isinstance(node, ir.And | ir.Or | ir.Not)}
        fields: dict[str, None] = {}
        expressions: dict[str, dict[int, ir.Regex]] = {}
        for place, leaf in self.leaves.items():
            fields.update(dict.fromkeys((leaf.field, leaf.other) if isinstance(leaf, ir.SameAs) else (leaf.field,)))
            if isinstance(leaf, ir.Regex):
                expressions.setdefault(leaf.field, {})[place] = leaf
        self.expressions = {field: Patterns(members, databases) for field, members in expressions.items()}
        marks = self.marks = {field: mark(number) for number, field in enumerate(fields)}
        pieces = {place: piece_of(leaf, marks[leaf.field]) for place, leaf in self.leaves.items()}
        self.pieces = {place: piece for place, piece in pieces.items() if piece}
        self._routings: dict[tuple[str, ...], Routing] = {}

    def costs(self) -> dict[int, float]:
        """How often leaves are guessed to hold, by their places: regular expressions and numbers always, since nobody
        can tell; leaves that nothing can be started from are left out."""
        texts = [place for place in self.pieces if isinstance(self.leaves[place], ir.Text)]
        guessed = commonness([self.pieces[place] for place in texts])
        costs = {i: 1.0 for i, leaf in self.leaves.items() if i in self.pieces or isinstance(leaf, ir.Regex)}
        costs.update(zip(texts, guessed, strict=True))
        return costs

    def routing(self, fields: tuple[str, ...]) -> "Routing":
        """What is made of the graph where these fields route."""
        if fields not in self._routings:
            self._routings[fields] = Routing(self, fields)
        return self._routings[fields]


class Routing:
    """The leaves about some routing fields, the nodes that hang on them, and what rules start from: never one of these
    leaves, since all records of a kind share them."""

    def __init__(self, content: Content, fields: tuple[str, ...]) -> None:
        self.leaves = [
            place for place, leaf in content.leaves.items() if leaf.field in fields and not isinstance(leaf, ir.SameAs)
        ]
        self.hangs = reached(content.nodes, self.leaves)
        costs = content.costs()
        self.anchors = Anchors(content.nodes, {place: costs[place] for place in costs.keys() - set(self.leaves)})
