import pytest
from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.content import Content
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.groups import Group, carried_values
from tercio.brain.detect.memory import LARGEST, Memory
from tercio.brain.detect.parts import Part
from tercio.brain.detect.questions import Questions, reached
from tercio.brain.detect.rules import Origin, Rule
from tercio.model.findings import Level
from tests.brain.detect.graph import NODES


def rule(condition: int, *carries: str) -> Rule:
    return Rule(
        id=f"r{condition}",
        version="1",
        title="T",
        level=Level.LOW,
        tactics=(),
        techniques=(),
        origin=Origin("p", "", "s"),
        condition=condition,
        carries=carries,
    )


def group(known: dict[int, bool], *conditions: int, memory: Memory | None = None) -> Group:
    content = Content(NODES, Databases())
    part = Part([rule(condition) for condition in conditions], content, content.routing(("kind",)))
    questions = Questions(NODES, known, content.questions, reached(NODES, known))
    return Group(content, [part], questions, memory=memory)


def found(made: Group, line: bytes) -> list[str]:
    return [match.rule for match in made.match(line, 0)]


def test_only_open_questions_need_fields() -> None:
    assert group({0: True}, 3)._usual.fields == ("f",)
    assert group({0: False}, 3).empty
    decided = group({0: False}, 5)
    assert decided._usual.fields == ()
    assert found(decided, b"{}") == ["r5"]


def test_all_kinds_together() -> None:
    made = group({0: True}, 3, 5, 6, 9, 10)
    assert found(made, b'{"f":"X"}') == ["r3", "r9"]
    assert found(made, b'{"f":"is long enough","g":"is long enough"}') == ["r10", "r5", "r6"]
    assert found(made, b'{"g":1}') == ["r6"]
    assert found(made, b"{}") == ["r6", "r9"]


def test_what_was_answered_once_is_remembered_within_bounds():
    memory = Memory(room=1_500)
    made = group({0: True}, 3, 6, memory=memory)
    most = 0
    for value, answer in [("x", "r3"), ("y", "r6"), ("x", "r3"), *((f"z{n}", "r6") for n in range(20)), ("x", "r3")]:
        assert found(made, b'{"f":"%s"}' % value.encode()) == [answer]
        assert 0 < memory.used <= memory.room
        most = max(most, len(made._answers))
    assert 2 < most < 20
    before = len(made._answers)
    assert found(made, b'{"f":["x","y"]}') == ["r3"], "a list is not remembered, and is answered"
    assert found(made, b'{"f":"%s"}' % (b"y" * LARGEST)) == ["r6"]
    assert len(made._answers) == before


def test_what_python_holds_to_be_equal_is_told_apart():
    content = Content((ir.Number("f", 1),), Databases())
    made = Group(content, [Part([rule(0)], content, content.routing(("kind",)))], content.questions)
    for _ in range(2):
        found_of = [found(made, b'{"f":%s}' % text) for text in (b"1", b"true", b"1.0", b"1")]
        assert found_of == [["r0"], [], ["r0"], ["r0"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (5, "5"), (True, "true"), ([["x"]], "x"), (UNSET, None), (None, None), ([1, 2], None), ({}, None)],
)
def test_carried_values(value: object, text: str | None) -> None:
    carried = carried_values(rule(0, "f"), {"f": value})
    assert carried == ({} if text is None else {"f": text})
