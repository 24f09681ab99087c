import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tercio.brain.detect.fields import FieldReader


def read(record: Any, *fields: str) -> tuple[Any, ...]:
    return FieldReader(fields).read(json.dumps(record).encode())


def test_values_come_in_the_order_of_the_fields() -> None:
    record = {"a": 1, "b": {"c": {"d": "x"}, "e": [1, 2]}, "f": None, "ä ö": True}
    assert read(record, "b.e", "a", "b.c.d", "f", "ä ö", "g", "b.g", "b.g.h") == (
        [1, 2],
        1,
        "x",
        None,
        True,
        UNSET,
        UNSET,
        UNSET,
    )
    assert read(record, "a") == (1,)
    assert read(record, "b.c.d") == ("x",)
    assert read(record, "b.c") == ({"d": "x"},)


def test_repeated_fields_are_read_once() -> None:
    assert FieldReader(["a", "b", "a"]).fields == ("a", "b")


def test_no_fields() -> None:
    assert read({"a": 1}) == ()


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({"a": None}, UNSET),
        ({"a": 1}, UNSET),
        ({"a": "b"}, UNSET),
        ({"a": []}, UNSET),
        ({"a": [{"b": 1}, {"c": 2}, {"b": None}, 7]}, [1, None]),
        ({"a": [[{"b": 1}]]}, [[1]]),
        ({"a.b": 1}, UNSET),
        ({"a": {"b": {"c": 1}}}, {"c": 1}),
    ],
)
def test_other_shapes(record: Any, value: Any) -> None:
    assert read(record, "a.b", "z") == (value, UNSET)


def test_a_field_within_another() -> None:
    assert read({"a": {"b": 1}}, "a", "a.b") == ({"b": 1}, 1)
    assert read({"a": 5}, "a", "a.b") == (5, UNSET)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[1]", b"7", b'"x"', b"null", b'{"a":}', b'{"a":"\xff"}', b'{"a":' + b"[" * 99_999]
)
@pytest.mark.parametrize("fields", [("a",), ("a", "a.b"), ("a.b", "c")])
def test_what_is_no_record_raises(line: bytes, fields: tuple[str, ...]) -> None:
    if line == b'{"a":"\xff"}' and "a" not in fields:
        return
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)):
        FieldReader(fields).read(line)


@given(st.lists(st.sampled_from([0, 1, 1.0, True, False, "1", None, 2**70, [1], 0.0]), min_size=2, max_size=2))
def test_what_was_read_is_equal_only_where_the_values_are(both: list[Any]) -> None:
    reader = FieldReader(["a", "b"])
    one, other = (reader.raw(json.dumps({"a": value, "b": "x"}).encode()) for value in both)
    assert (one == other) == (type(both[0]) is type(both[1]) and both[0] == both[1])


def test_the_next_place_counts_where_the_first_is_empty() -> None:
    reader = FieldReader(["a", "b"], lambda field: (field, f"old.{field}"))
    assert reader.read(b'{"a":1,"old":{"a":2,"b":3}}') == (1, 3)
    assert reader.read(b'{"a":[1],"old":{"a":2,"b":3}}') == ([1], 3)
    assert reader.read(b'{"a":null}') == (None, UNSET)


PATH = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("xé", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(PATH, min_size=1, max_size=4, unique=True), st.dictionaries(st.sampled_from("abc"), VALUE, max_size=3))
def test_the_made_decoder_reads_what_the_general_way_reads(fields: list[str], record: dict[str, Any]) -> None:
    reader = FieldReader(fields)
    line = json.dumps(record).encode()
    assert reader.read(line) == reader._walk(line).values
