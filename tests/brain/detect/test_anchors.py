from tercio.brain.detect import ir
from tercio.brain.detect.anchors import Anchor, Anchors

NODES: tuple[ir.Node, ...] = (
    ir.Text("f", ("common",), cased=False),  # 0
    ir.Text("f", ("rare",), cased=False),  # 1
    ir.Null("f"),  # 2
    ir.And((0, 1)),  # 3
    ir.Or((0, 1)),  # 4
    ir.Or((1, 2)),  # 5
    ir.Not(1),  # 6
    ir.And((2, 6)),  # 7
    ir.And((4, 5, 6)),  # 8
)
ANCHORS = Anchors(NODES, {0: 0.5, 1: 0.1})


def test_what_a_node_starts_from() -> None:
    assert ANCHORS.of(3) == Anchor(0.1, frozenset({1})), "of a conjunction, the rarest"
    assert ANCHORS.of(4) == Anchor(0.6, frozenset({0, 1})), "of a choice, all"
    assert ANCHORS.of(5) is None, "unless one has none"
    assert ANCHORS.of(6) is None, "nor has a denial"
    assert ANCHORS.of(7) is None
    assert ANCHORS.of(8) == ANCHORS.of(4)
