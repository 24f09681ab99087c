from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.leaves import for_leaf
from tercio.brain.detect.literals import LONGEST, commonness, loose_text, mark, piece_of, template
from tercio.brain.detect.records import Record

MARK = mark(3)


@pytest.mark.parametrize(
    ("leaf", "piece"),
    [
        (ir.Text("f", ("abc",), cased=False), f"{MARK}abc{MARK}"),
        (ir.Text("f", ("abc", ir.MANY), cased=False), f"{MARK}abc"),
        (ir.Text("f", (ir.MANY, "abc"), cased=False), f"abc{MARK}"),
        (ir.Text("f", (ir.MANY, "a", ir.ONE, "longer", ir.MANY), cased=False), "longer"),
        (ir.Text("f", (ir.MANY, "ABÉ", ir.MANY), cased=True), "abé"),
        (ir.Text("f", ("",), cased=False), MARK + MARK),
        (ir.Text("f", (ir.MANY,), cased=False), ""),
        (ir.Text("f", (ir.ONE, ir.MANY), cased=False), ""),
        (ir.Number("f", 22), f"{MARK}22{MARK}"),
        (ir.Number("f", 2.5), ""),
        (ir.Number("f", 2**5000), ""),
        (ir.Null("f"), ""),
        (ir.Regex("f", "abc", ""), ""),
    ],
)
def test_the_piece_that_stands_wherever_a_leaf_holds(leaf: ir.Leaf, piece: str) -> None:
    assert piece_of(leaf, MARK) == piece


def test_long_pieces_are_cut_and_keep_their_marks() -> None:
    for parts in [("x" * 99, ir.MANY), (ir.MANY, "x" * 99), ("x" * 99,)]:
        piece = piece_of(ir.Text("f", parts, cased=False), MARK)
        assert len(piece) == LONGEST
        assert MARK in piece


LETTERS = "aBk\u212a\u017féÉ5\x02\x03\n"
PARTS = st.lists(st.text(LETTERS, max_size=3) | st.sampled_from([ir.MANY, ir.ONE]), min_size=1, max_size=4).map(tuple)
NARROW = st.text(LETTERS, max_size=6) | st.integers() | st.none() | st.just(UNSET)
WIDE = st.recursive(
    NARROW | st.floats() | st.booleans() | st.just(5.0), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@st.composite
def leaves(draw: st.DrawFn) -> ir.Leaf:
    if draw(st.booleans()):
        return ir.Number("f", draw(st.integers(-6, 6)))
    cased = draw(st.booleans())
    parts = draw(PARTS)
    return ir.Text("f", tuple(p if isinstance(p, int) or cased else ir.fold(p) for p in parts), cased)


@given(leaves(), NARROW, NARROW)
def test_no_record_in_which_a_leaf_holds_is_passed_over(leaf: ir.Leaf, value: Any, other: Any) -> None:
    if for_leaf(0, leaf)(Record({"f": value}, {})):
        piece = piece_of(leaf, mark(0)).encode()
        marks = [mark(0), mark(1)]
        assert piece in ir.folded(template(marks) % (value, other))
        assert piece in ir.folded(loose_text(marks, [value, other]))


@given(leaves(), WIDE, WIDE)
def test_nor_where_values_are_of_any_kind(leaf: ir.Leaf, value: Any, other: Any) -> None:
    if for_leaf(0, leaf)(Record({"f": value}, {})):
        assert piece_of(leaf, mark(0)).encode() in ir.folded(loose_text([mark(0), mark(1)], [value, other]))


def test_what_rules_speak_of_often_is_held_to_be_common() -> None:
    pieces = ["\\windows\\", "\\windows\\system32\\", f"\\cmd.exe{mark(1)}", f"\\cmd.exe{mark(2)}", "zqzq", "ab"]
    windows, longer, one, same, strange, short = commonness(pieces)
    assert one == same, "whichever field it ends"
    assert strange < windows
    assert strange < one
    assert longer < windows, "it has something that is rarer"
    assert short == 1.0, "too short to be judged"
