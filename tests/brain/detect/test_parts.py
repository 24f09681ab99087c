from typing import Any

from tercio.brain.detect import ir
from tercio.brain.detect.content import Content
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.fields import ANYWHERE
from tercio.brain.detect.literals import loose_text
from tercio.brain.detect.parts import Needs, Part
from tercio.brain.detect.questions import Questions
from tercio.brain.detect.records import Record
from tests.brain.detect.graph import NODES
from tests.brain.detect.test_groups import rule

EXPRESSION = len(NODES)
NUMBER, SOUGHT, BOTH = EXPRESSION + 1, EXPRESSION + 2, EXPRESSION + 3
MORE: tuple[ir.Node, ...] = (
    *NODES,
    ir.Regex("f", "^z+$", ""),
    ir.Number("g", 5),
    ir.Text(ANYWHERE, (ir.MANY, "word", ir.MANY), cased=False),
    ir.And((0, SOUGHT)),
)
CONTENT = Content(MORE, Databases())
FIELDS = ("kind", "f", "g")


def part(*conditions: int) -> Part:
    return Part([rule(condition) for condition in conditions], CONTENT, CONTENT.routing(("kind",)))


def asked(made: Part, **values: Any) -> list[str]:
    read = [values.get(field) for field in FIELDS]
    text = ir.folded(loose_text([CONTENT.marks[field] for field in FIELDS], read))
    return sorted(made.rules[n].id for n in made.asked(text, Record(values, CONTENT.expressions)))


def test_rules_are_asked_by_what_they_start_from() -> None:
    made = part(3, 7, EXPRESSION, NUMBER)
    assert "r3" in asked(made, f="x"), "the routing field starts nothing"
    assert sorted([*asked(made, f="X"), *asked(made, f="IS LONG ENOUGH")]) == ["r3", "r7"], "of two texts, one"
    assert asked(made, f="zzz") == [f"r{EXPRESSION}"]
    assert asked(made, g=5) == asked(made, g="5") == asked(made, g=[5.0]) == [f"r{NUMBER}"]
    assert asked(made, f="xx", g=55) == []


def test_rules_that_start_from_nothing_are_always_asked() -> None:
    assert asked(part(5, 6, 9, 10)) == ["r10", "r5", "r6", "r9"]


def test_needs_are_those_of_what_is_open() -> None:
    made = part(3, 7, 9, BOTH)
    assert [made.rules[n].id for n in made.hanging] == ["r3", f"r{BOTH}"]
    assert made.needs.asked == ("f", "g")
    known = Questions(MORE, {0: True}, CONTENT.questions, CONTENT.routing(("kind",)).hangs)
    assert Needs.of([rule(3), rule(BOTH), rule(4, "c")], known) == Needs(("f", ANYWHERE), (), (MORE[SOUGHT],))
    denied = Questions(MORE, {0: False}, CONTENT.questions, CONTENT.routing(("kind",)).hangs)
    assert Needs.of([rule(3), rule(4, "c")], denied) == Needs((), ("c",), ())
