import sys
from typing import Any

import hyperscan
import pytest
from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.memory import LARGEST, Memory
from tercio.brain.detect.patterns import FieldMatcher, expression_of, number_of

LEAVES: dict[int, ir.Leaf] = {
    10: ir.Null("f"),
    11: ir.Exists("f"),
    12: ir.Text("f", ("abc",), cased=False),
    13: ir.Text("f", ("aBc",), cased=True),
    14: ir.Text("f", ("a", ir.MANY), cased=False),
    15: ir.Text("f", (ir.MANY,), cased=False),
    16: ir.Number("f", 5),
    17: ir.Compare("f", "gt", 4),
    18: ir.Cidr("f", "10.0.0.0/8"),
    19: ir.Regex("f", "^A", ""),
    20: ir.Text("f", (ir.MANY, "é", ir.ONE), cased=False),
}
MATCHER = FieldMatcher(LEAVES)


@pytest.mark.parametrize(
    ("value", "hits"),
    [
        (UNSET, {10}),
        (None, {10, 11}),
        ({}, {11}),
        ([], {11}),
        ([None, {"x": 1}], {10, 11}),
        ("ABC", {11, 12, 14, 15, 19}),
        ("aBc", {11, 12, 13, 14, 15}),
        ("", {11, 15}),
        (5, {11, 15, 16, 17}),
        (5.0, {11, 15, 16, 17}),
        ("5", {11, 15, 16, 17}),
        (True, {11, 15}),
        ("10.1.2.3", {11, 15, 18}),
        ("XÉx", {11, 15, 20}),
        ("AÉx", {11, 14, 15, 19, 20}),
        (["abc", 5], {11, 12, 14, 15, 16, 17}),
    ],
)
def test_all_questions_of_a_field_at_once(value: Any, hits: set[int]) -> None:
    assert MATCHER.hits(value) == hits
    assert MATCHER.hits(value) == hits, "and again from memory"


def test_memory_is_bounded() -> None:
    memory = Memory(room=5_000)
    matcher = FieldMatcher(LEAVES, memory)
    for number in range(100):
        matcher.hits(f"a{number}")
        assert 0 < memory.used <= memory.room
    known = len(matcher._answers)
    assert 1 < known < 50
    matcher.hits("a" * LARGEST)
    assert len(matcher._answers) == known


def test_every_letter_of_unicode_is_found_whatever_its_case() -> None:
    """Hyperscan's own tables of case know fewer letters than Python's; folding makes up for it."""
    changing = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000 and ir.fold(chr(c)) != chr(c)]
    leaves = {
        place: ir.Text("f", (ir.MANY, ir.fold(letter), "!"), cased=False) for place, letter in enumerate(changing)
    }
    matcher = FieldMatcher(leaves)
    for place, letter in enumerate(changing):
        alike = {i for i, other in enumerate(changing) if ir.fold(other) == ir.fold(letter)}
        assert matcher.hits(f"-{letter}!") == alike
        assert place in alike


@pytest.mark.parametrize("text", [".*", "a+b", "(x)", "[a]", "\\d", "^$", "a|b", "{2}", "\n", "\x00x", "#", " "])
def test_special_characters_of_expressions_are_plain_in_texts(text: str) -> None:
    matcher = FieldMatcher({1: ir.Text("f", (ir.MANY, ir.fold(text), ir.MANY), cased=False)})
    assert matcher.hits(f"before{text}after") == {1}
    assert matcher.hits("before-after") == set()


def test_expressions() -> None:
    text, flags = expression_of(ir.Text("f", ("a.", ir.ONE, ir.MANY), cased=True))
    assert text == "^a\\x{2e}."
    assert expression_of(ir.Text("f", (ir.MANY, "a", ir.MANY, "b"), cased=True))[0] == "a.*b\\z"
    assert flags & hyperscan.HS_FLAG_DOTALL
    assert not flags & hyperscan.HS_FLAG_CASELESS
    assert expression_of(ir.Regex("f", "a", "im"))[1] & hyperscan.HS_FLAG_MULTILINE


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
