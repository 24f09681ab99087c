import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.leaves import MOST_PAIRS, TooMuch, all_of, any_of, for_leaf, for_texts
from tercio.brain.detect.patterns import Patterns
from tercio.brain.detect.records import Record

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
    21: ir.TimePart("f", "hour", "eq", 7),
}
EXPRESSIONS = {"f": Patterns({i: leaf for i, leaf in LEAVES.items() if isinstance(leaf, ir.Regex)}, Databases())}
TESTS = {place: for_leaf(place, leaf) for place, leaf in LEAVES.items()}


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
        ("2026-11-24T07:59", {11, 15, 21}),
        (["abc", 5], {11, 12, 14, 15, 16, 17}),
    ],
)
def test_each_kind(value: Any, hits: set[int]) -> None:
    assert {place for place, test in TESTS.items() if test(Record({"f": value}, EXPRESSIONS))} == hits


def test_a_truth_value_is_no_number() -> None:
    assert not for_leaf(0, ir.Number("f", 1))(Record({"f": True}, {}))


PART = st.sampled_from([ir.MANY, ir.ONE]) | st.text("ab\n.", min_size=1, max_size=3)
PARTS = st.lists(PART, max_size=6).map(tuple)


def plainly(parts: tuple[str | int, ...]) -> re.Pattern[str]:
    words = {ir.MANY: ".*", ir.ONE: "."}
    return re.compile("".join(words[p] if isinstance(p, int) else re.escape(p) for p in parts), re.DOTALL)


@given(st.lists(PARTS, min_size=1, max_size=4), st.booleans(), st.lists(st.text("abAB\n.", max_size=8), max_size=2))
def test_texts_are_matched_as_the_same_expressions_are(
    shapes: list[tuple[str | int, ...]], cased: bool, texts: list[str]
) -> None:
    test = any_of(list(for_texts([ir.Text("f", parts, cased) for parts in shapes])))
    read = texts if cased else [ir.fold(text) for text in texts]
    assert test(Record({"f": texts}, {})) is any(plainly(parts).fullmatch(text) for parts in shapes for text in read)


def test_a_text_of_many_wildcards_takes_linear_time() -> None:
    test = for_leaf(0, ir.Text("f", (ir.MANY, *("a", ir.MANY) * 200, "b"), cased=True))
    assert not test(Record({"f": "a" * 100_000}, {}))
    assert test(Record({"f": "a" * 100_000 + "b"}, {}))


def test_every_letter_of_unicode_is_found_whatever_its_case() -> None:
    letters = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    for letter, small in zip(letters, ir.fold(letters), strict=True):
        if letter != small:
            test = for_leaf(0, ir.Text("f", (ir.MANY, small, "!"), cased=False))
            assert test(Record({"f": f"-{letter}!"}, {})), letter


@pytest.mark.parametrize("text", [".*", "a+b", "(x)", "[a]", "\\d", "^$", "a|b", "{2}", "\n", "\x00x", "#", " "])
def test_special_characters_of_expressions_are_plain_in_texts(text: str) -> None:
    for parts in [(ir.MANY, ir.fold(text), ir.MANY), (ir.MANY, ir.fold(text), ir.ONE, ir.MANY)]:
        test = for_leaf(0, ir.Text("f", parts, cased=False))
        assert test(Record({"f": f"before{text}after"}, {}))
        assert not test(Record({"f": "before-after"}, {}))


@pytest.mark.parametrize(
    ("value", "other", "answer"),
    [
        ("a", "A", True),
        (1, "1", True),
        (UNSET, "a", False),
        ("a", UNSET, False),
        (None, None, False),
        (["b", "a"], ["a"], True),
    ],
)
def test_two_fields(value: object, other: object, answer: bool) -> None:
    test = for_leaf(0, ir.SameAs("f", "g", starts=False, ends=False))
    assert test(Record({"f": value, "g": other}, {})) is answer


def test_comparing_two_lists_is_bounded() -> None:
    test = for_leaf(0, ir.SameAs("f", "g", starts=False, ends=False))
    with pytest.raises(TooMuch, match="f and g"):
        test(Record({"f": ["a"] * MOST_PAIRS, "g": ["b", "c"]}, {}))


def test_together() -> None:
    yes, no = (lambda _: True), (lambda _: False)
    record = Record({}, {})
    assert [all_of(tests)(record) for tests in ([yes], [yes, yes], [yes, no], [no])] == [True, True, False, False]
    assert [any_of(tests)(record) for tests in ([yes], [no, yes], [no, no], [])] == [True, True, False, False]
