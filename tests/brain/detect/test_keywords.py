import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.brain.detect import ir
from tercio.brain.detect.fields import ANYWHERE, FieldReader
from tercio.brain.detect.keywords import Keywords, piece_of
from tercio.brain.detect.leaves import for_leaf
from tercio.brain.detect.records import Record


def keyword(*parts: str | int, cased: bool = False) -> ir.Text:
    folded = [ir.fold(part) if isinstance(part, str) and not cased else part for part in parts]
    return ir.Text(ANYWHERE, (ir.MANY, *folded, ir.MANY), cased)


@pytest.mark.parametrize(
    ("leaf", "piece"),
    [
        (keyword("\\perfc.dat"), "perfc.dat"),
        (keyword("a", ir.ONE, "long one", ir.MANY, "b"), "long one"),
        (keyword("Kept", cased=True), "Kept"),
        (keyword("größe"), "gr"),
        (keyword('"x"/y'), "x"),
        (keyword("1e5"), ""),
        (keyword("inf"), ""),
        (keyword("\\"), ""),
        (ir.Regex(ANYWHERE, "abcdef", ""), ""),
    ],
)
def test_the_piece_that_is_looked_for(leaf: ir.Leaf, piece: str) -> None:
    assert piece_of(leaf) == piece


def test_only_lines_with_a_piece_may_have_it() -> None:
    keywords = Keywords([keyword("\\perfc.dat"), keyword("mimikatz")])
    assert keywords.may_be_in(b'{"a":"C:\\\\PERFC.DAT"}')
    assert keywords.may_be_in('{"a":"mimi\u212aatz"}'.encode())
    assert keywords.may_be_in(b'{"a":"mimi\\u006batz"}')
    assert not keywords.may_be_in(b'{"a":"C:\\\\users\\\\x","b":"mimi katz"}')
    assert Keywords([keyword("1")]).may_be_in(b"{}")


LETTERS = 'ak\u212as\u017fK.\\/"1e é\n'
SCALAR = st.text(LETTERS, max_size=6) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
PARTS = st.lists(st.text(LETTERS, min_size=1, max_size=3) | st.sampled_from([ir.MANY, ir.ONE]), min_size=1, max_size=3)


@given(PARTS, st.booleans(), st.dictionaries(st.text("ab", max_size=1), SCALAR, max_size=3), st.booleans())
def test_no_record_that_has_a_keyword_is_passed_over(
    parts: list[str | int], cased: bool, record: dict[str, Any], escaped: bool
) -> None:
    leaf = keyword(*parts, cased=cased)
    line = json.dumps(record, ensure_ascii=escaped).encode()
    [values] = FieldReader([ANYWHERE]).read(line)
    if for_leaf(7, leaf)(Record({ANYWHERE: values}, {})):
        assert Keywords([leaf]).may_be_in(line)
