import struct
import time
from collections.abc import Callable

import pytest

from tercio.products.transports.generation import Generation, parsed
from tests.products.field import Namespace


def generation() -> int:
    line = Generation()
    try:
        return line.read()
    finally:
        line.close()


def test_one_line_asks_again_and_again(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    line = space.inside(Generation)
    first = line.read()
    for number in range(1, 4):
        space.nft(f"add table inet t{number}")
        assert line.read() == first + number, "the line stays in the namespace where it was made"
    line.close()


def test_an_answer_that_came_too_late_is_not_taken_for_the_next(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    line = space.inside(Generation)
    first = line.read()
    line._asked += 1
    line._line.send(struct.pack("=IHHIIBBH", 20, (10 << 8) | 16, 1, line._asked, 0, 0, 0, 0))
    space.nft("add table inet t")
    assert line.read() == first + 1
    line.close()


def test_it_moves_with_every_commit_and_not_by_reading(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    space.nft("add table inet t\nadd set inet t s { type ipv4_addr; flags timeout; }")
    first = space.inside(generation)
    space.run("nft list ruleset")
    assert space.inside(generation) == first
    space.nft("add element inet t s { 10.0.0.1 timeout 60s }\nadd element inet t s { 10.0.0.2 timeout 60s }")
    assert space.inside(generation) == first + 1


def test_an_element_that_expires_is_no_change(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    space.nft("add table inet t\nadd set inet t s { type ipv4_addr; flags timeout; gc-interval 1s; }")
    space.nft("add element inet t s { 10.0.0.1 timeout 100ms }")
    first = space.inside(generation)
    time.sleep(0.3)
    assert "10.0.0.1" not in space.run("nft list set inet t s")
    assert space.inside(generation) == first


def test_each_namespace_has_its_own(spaces: Callable[[], Namespace]) -> None:
    one, other = spaces(), spaces()
    before = other.inside(generation)
    one.nft("add table inet t")
    assert other.inside(generation) == before


HEAD = struct.pack("=IHHIIBBH", 28, (10 << 8) | 15, 0, 1, 0, 0, 0, 0)


def test_an_answer_is_read() -> None:
    other = struct.pack("=HH4s", 8, 2, b"\0\0\0\1")
    assert parsed(HEAD + other + struct.pack("=HH", 8, 1) + struct.pack("!I", 7)) == 7


@pytest.mark.parametrize("data", [b"", b"\0" * 40, HEAD, HEAD + b"\0" * 8, HEAD + struct.pack("=HH", 8, 1)])
def test_another_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(OSError, match="no generation"):
        parsed(data)


def test_a_refusal_is_an_error() -> None:
    with pytest.raises(OSError, match="does not tell") as caught:
        parsed(struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -1))
    assert caught.value.errno == 1
