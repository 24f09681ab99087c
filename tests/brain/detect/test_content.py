from tercio.brain.detect import ir
from tercio.brain.detect.content import Content
from tercio.brain.detect.databases import Databases
from tests.brain.detect.graph import NODES


def test_what_is_made_of_the_graph_once() -> None:
    content = Content(NODES, Databases())
    assert len({content.marks[field] for field in ("kind", "f", "g")}) == 3
    assert content.routing(("kind",)) is content.routing(("kind",))
    assert content.routing(("kind",)).leaves == [0]
    assert [place for place, flag in enumerate(content.routing(("g",)).hangs) if flag] == [8, 9]


def test_nothing_starts_from_what_routes_nor_from_what_has_no_text() -> None:
    content = Content(NODES, Databases())
    assert set(content.costs()) == {0, 1, 2}
    assert content.routing(("kind",)).anchors.of(0) is None
    assert content.routing(("g",)).anchors.of(0) is not None


def test_what_nobody_can_guess_is_held_to_be_common() -> None:
    content = Content((ir.Number("f", 5), ir.Regex("f", "a", ""), ir.Text("f", ("abcdef",), cased=False)), Databases())
    assert content.costs() == {0: 1.0, 1: 1.0, 2: 1.0 / 1}
