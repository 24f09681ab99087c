"""A small graph of questions, for the tests that walk it."""

from tercio.brain.detect import ir

NODES: tuple[ir.Node, ...] = (
    ir.Text("kind", ("a",), cased=False),  # 0
    ir.Text("f", ("x",), cased=False),  # 1
    ir.Text("f", (ir.MANY, "long enough", ir.MANY), cased=False),  # 2
    ir.And((0, 1)),  # 3
    ir.Not(0),  # 4
    ir.Or((4, 2)),  # 5
    ir.Not(1),  # 6
    ir.And((1, 2, 6)),  # 7
    ir.Null("g"),  # 8
    ir.Or((1, 8)),  # 9
    ir.SameAs("f", "g", starts=False, ends=False),  # 10
)
