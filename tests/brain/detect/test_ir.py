import sys
from typing import Any

import msgspec
import pytest

from tercio.brain.detect.ir import (
    And,
    Exists,
    Graph,
    Node,
    Not,
    Null,
    Number,
    Or,
    Text,
    fold,
    folded,
    number_of,
    scalars,
    text_of,
)

ALL_CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


def test_equal_questions_are_one_node() -> None:
    graph = Graph()
    first = graph.add(Text("f", ("a", 0), cased=False))
    assert graph.add(Text("f", ("a", 0), cased=False)) == first
    assert graph.add(Text("f", ("a", 0), cased=True)) != first
    assert graph.add(Text("g", ("a", 0), cased=False)) != first
    other = graph.add(Null("f"))
    assert graph.add(And((first, other))) == graph.add(And((first, other, first)))
    assert graph.add(And((first, other))) != graph.add(Or((first, other)))
    assert graph.add(Or((first, first))) == first


def test_members_stand_before_what_uses_them() -> None:
    graph = Graph()
    top = graph.add(Not(graph.add(Or((graph.add(Null("f")), graph.add(Exists("f")))))))
    assert top == len(graph.nodes) - 1
    for place, node in enumerate(graph.nodes):
        members = node.of if isinstance(node, And | Or) else (node.of,) if isinstance(node, Not) else ()
        assert all(member < place for member in members)


def test_nodes_are_plain_values() -> None:
    nodes = (Text("f", ("a", 0, "b", 1), cased=False), Number("f", 1), Number("f", 1.5), Or((0, 1)), Not(2))
    again = msgspec.json.decode(msgspec.json.encode(nodes), type=tuple[Node, ...])
    assert again == nodes


def test_folding_keeps_the_length_and_is_done_once() -> None:
    everything = "".join(ALL_CHARACTERS)
    small = fold(everything)
    assert len(small) == len(everything)
    assert fold(small) == small
    assert folded(everything) == small.encode()
    assert all(fold(letter) == other for letter, other in zip(everything, small, strict=True) if letter != other)


@pytest.mark.parametrize(
    ("one", "two"), [("É", "é"), ("\u212a", "k"), ("ẞ", "ß"), ("Σ", "ς"), ("AbC", "aBc"), ("µ", "\u03bc")]
)
def test_folding_joins_cases(one: str, two: str) -> None:
    assert fold(one) == fold(two)


@pytest.mark.parametrize(("one", "two"), [("ß", "ss"), ("i", "\u0131"), ("e", "é"), ("\ufb01", "fi")])
def test_folding_keeps_letters_apart(one: str, two: str) -> None:
    assert fold(one) != fold(two)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (-7, "-7"),
        (0.5, "0.5"),
        (-0.0, "0.0"),
        (1 << 5000, None),
        (None, None),
        ([], None),
        ({}, None),
    ],
)
def test_text_of(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_scalars() -> None:
    assert scalars("x") == ("x",)
    assert scalars(None) == (None,)
    assert scalars([1, [2, {"a": 3}, []], None]) == (1, 2, None)
    assert scalars({"a": 1}) == ()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (1.5, 1.5),
        ("1", 1),
        ("-1.50", -1.5),
        (True, None),
        (None, None),
        ("1e3", None),
        ("inf", None),
        ("nan", None),
        ("\u0661", None),
        (" 1", None),
        ("1\n", None),
        ("9" * 50, None),
        ([], None),
    ],
)
def test_number_of(value: Any, number: float | None) -> None:
    assert number_of(value) == number
