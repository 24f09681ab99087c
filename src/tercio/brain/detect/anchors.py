"""What a rule starts from: leaves of which one at least holds whenever its condition does."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tercio.brain.detect import ir


class Anchor(NamedTuple):
    """How often leaves hold, by guess, and which."""

    cost: float
    leaves: frozenset[int]


class Anchors:
    """Chooses for the nodes of a graph the rarest leaves to start from. ``costs`` guess how often a leaf holds; nobody
    starts from leaves that they leave out."""

    def __init__(self, nodes: Sequence[ir.Node], costs: Mapping[int, float]) -> None:
        self._nodes = nodes
        self._costs = costs
        self._chosen: dict[int, Anchor | None] = {}

    def of(self, place: int) -> Anchor | None:
        """The anchor of a node: whenever it holds, one of these leaves does. None if there is none."""
        if place not in self._chosen:
            self._chosen[place] = self._choose(place)
        return self._chosen[place]

    def _choose(self, place: int) -> Anchor | None:
        match self._nodes[place]:
            case ir.And(of):
                found = [anchor for anchor in map(self.of, of) if anchor]
                return min(found, key=lambda anchor: (anchor.cost, min(anchor.leaves)), default=None)
            case ir.Or(of):
                parts = [self.of(member) for member in of]
                chosen = [anchor for anchor in parts if anchor]
                if len(chosen) < len(parts):
                    return None
                return Anchor(sum(a.cost for a in chosen), frozenset[int]().union(*(a.leaves for a in chosen)))
            case ir.Not():
                return None
            case _:
                cost = self._costs.get(place)
                return None if cost is None else Anchor(cost, frozenset((place,)))
