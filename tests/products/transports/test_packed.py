import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.products.transports.packed import attribute, attributes, messages, nested

PAIRS = st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=6)


@given(PAIRS)
def test_attributes_come_back_as_they_went_in(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(attribute(kind, value) for kind, value in pairs)
    assert len(data) % 4 == 0
    assert list(attributes(data)) == pairs


def test_what_holds_others_has_the_number_that_it_was_given() -> None:
    ((kind, inner),) = attributes(nested(7, attribute(1, b"a"), attribute(2, b"bcdef")))
    assert kind == 7
    assert list(attributes(inner)) == [(1, b"a"), (2, b"bcdef")]


@given(st.binary(max_size=80))
def test_any_bytes_end(data: bytes) -> None:
    assert len(list(attributes(data))) <= len(data) // 4
    assert len(list(messages(data))) <= len(data) // 16


def test_messages_are_told_apart() -> None:
    data = b"".join(
        struct.pack("=IHHII", 16 + size, kind, 2, kind, 0) + b"x" * size + b"\0" * (-size % 4)
        for kind, size in ((7, 5), (8, 0))
    )
    assert list(messages(data)) == [(7, 2, 7, b"xxxxx"), (8, 2, 8, b"")]


@pytest.mark.parametrize("data", [b"", b"\0" * 15])
def test_a_part_of_a_message_is_none(data: bytes) -> None:
    assert list(messages(data)) == []
