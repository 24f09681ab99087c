from typing import Any

import pytest
from msgspec import UNSET

from tercio.brain.detect import ir
from tercio.brain.detect.databases import Databases
from tercio.brain.detect.patterns import Patterns
from tercio.brain.detect.records import Record, texts_of


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (UNSET, ()),
        (None, ()),
        ({"a": "x"}, ()),
        ("X", ("X",)),
        (True, ("true",)),
        (5, ("5",)),
        (["a", ["B", None], {"c": 1}, 2.5], ("a", "B", "2.5")),
    ],
)
def test_what_a_value_reads_as(value: Any, texts: tuple[str, ...]) -> None:
    record = Record({"f": value}, {})
    assert texts_of(value) == record.texts("f") == texts
    assert record.folded["f"] == tuple(map(ir.fold, texts))
    assert record.value("f") is value


def test_a_field_that_was_not_read_is_absent() -> None:
    record = Record({}, {})
    assert record.value("f") is UNSET
    assert record.texts("f") == record.folded["f"] == ()


def test_expressions_are_looked_for_in_every_text() -> None:
    patterns = Patterns({3: ir.Regex("f", "^a", ""), 4: ir.Regex("f", "b$", "")}, Databases())
    for value, found in [("ab", {3, 4}), (["ax", "xb"], {3, 4}), (["x", 1], set()), (None, set())]:
        assert Record({"f": value}, {"f": patterns}).expressions("f") == found
