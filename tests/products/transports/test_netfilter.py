"""The line to the kernel, on a real kernel; and what only a kernel in trouble answers, from a socket beside it."""

import errno
import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from tercio.products.transports.generation import generation
from tercio.products.transports.netfilter import ATTEMPTS, Line
from tercio.products.transports.packed import attribute
from tests.products.field import Namespace

SETS = (10 << 8) | 10
"""The kernel's number for reading sets."""


def test_one_line_asks_again_and_again(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    line = space.inside(Line)
    first = generation(line)
    for number in range(1, 4):
        space.nft(f"add table inet t{number}")
        assert generation(line) == first + number, "the line stays in the namespace where it was made"
    line.close()


def test_a_list_is_told_whole(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    space.nft("add table inet t\n" + "\n".join(f"add set inet t s{n} {{ type ipv4_addr; }}" for n in range(300)))
    line = space.inside(Line)
    assert len(line.dump(SETS, 1)) == 300
    line.close()


def test_a_refusal_carries_the_kernels_number(spaces: Callable[[], Namespace]) -> None:
    line = spaces().inside(Line)
    with pytest.raises(OSError, match="No such file") as caught:
        line.dump(SETS, 1, attribute(1, b"absent\0"))
    assert caught.value.errno == errno.ENOENT
    line.close()


@pytest.fixture
def pair() -> Iterator[tuple[Line, socket.socket]]:
    """A line of which the other end is ours."""
    line = Line()
    line.close()
    line._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    line._socket.settimeout(2.0)
    yield line, other
    line.close()
    other.close()


def message(kind: int, number: int, body: bytes, marks: int = 2) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, marks, number, 0) + body


END = struct.pack("=i", 0)


def test_an_answer_that_came_too_late_is_not_taken_for_the_next(pair: tuple[Line, socket.socket]) -> None:
    line, kernel = pair
    line._asked = 4
    kernel.send(message(9, 4, b"headlate") + message(3, 4, END))
    kernel.send(message(9, 5, b"headtime"))
    kernel.send(message(3, 5, END))
    assert line.dump(9, 0) == [b"time"]


def test_a_list_that_changed_meanwhile_is_asked_for_again(pair: tuple[Line, socket.socket]) -> None:
    line, kernel = pair
    kernel.send(message(9, 1, b"headhalf", 2 | 0x10) + message(3, 1, END))
    kernel.send(message(9, 2, b"headfull") + message(3, 2, END))
    assert line.dump(9, 0) == [b"full"]


def test_a_list_that_changes_all_the_time_is_an_error(pair: tuple[Line, socket.socket]) -> None:
    line, kernel = pair
    for number in range(1, ATTEMPTS + 1):
        kernel.send(message(3, number, END, 2 | 0x10))
    with pytest.raises(OSError, match="changes all the time"):
        line.dump(9, 0)


def test_a_list_may_end_with_an_error(pair: tuple[Line, socket.socket]) -> None:
    line, kernel = pair
    kernel.send(message(9, 1, b"headhalf") + message(3, 1, struct.pack("=i", -errno.EPERM)))
    with pytest.raises(PermissionError):
        line.dump(9, 0)
