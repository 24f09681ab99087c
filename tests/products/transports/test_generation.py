import socket
import struct
import time
from collections.abc import Callable

import pytest

from tercio.products.transports.generation import generation
from tercio.products.transports.netfilter import Line
from tests.products.field import Namespace


def told() -> int:
    line = Line()
    try:
        return generation(line)
    finally:
        line.close()


def test_it_moves_with_every_commit_and_not_by_reading(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    space.nft("add table inet t\nadd set inet t s { type ipv4_addr; flags timeout; }")
    first = space.inside(told)
    space.run("nft list ruleset")
    assert space.inside(told) == first
    space.nft("add element inet t s { 10.0.0.1 timeout 60s }\nadd element inet t s { 10.0.0.2 timeout 60s }")
    assert space.inside(told) == first + 1


def test_an_element_that_expires_is_no_change(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    space.nft("add table inet t\nadd set inet t s { type ipv4_addr; flags timeout; gc-interval 1s; }")
    space.nft("add element inet t s { 10.0.0.1 timeout 100ms }")
    first = space.inside(told)
    time.sleep(0.3)
    assert "10.0.0.1" not in space.run("nft list set inet t s")
    assert space.inside(told) == first


def test_each_namespace_has_its_own(spaces: Callable[[], Namespace]) -> None:
    one, other = spaces(), spaces()
    before = other.inside(told)
    one.nft("add table inet t")
    assert other.inside(told) == before


NUMBER = struct.pack("=HH", 8, 1) + struct.pack("!I", 7)


def answering(body: bytes) -> int:
    """What is made of an answer that a socket of ours gives in the kernel's place."""
    line = Line()
    line.close()
    line._socket, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    kernel.send(struct.pack("=IHHII4x", 20 + len(body), (10 << 8) | 15, 0, 1, 0) + body)
    kernel.send(struct.pack("=IHHIIi", 20, 2, 0, 1, 0, 0))
    try:
        return generation(line)
    finally:
        line.close()
        kernel.close()


def test_an_answer_is_read() -> None:
    assert answering(struct.pack("=HH4s", 8, 2, b"\0\0\0\1") + NUMBER) == 7


@pytest.mark.parametrize("data", [b"", b"\0" * 20, struct.pack("=HH4s", 8, 2, b"\0\0\0\1"), NUMBER[:-1]])
def test_another_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(OSError, match="no generation"):
        answering(data)


def test_a_refusal_is_an_error(spaces: Callable[[], Namespace]) -> None:
    said = spaces().powerless(
        "from tercio.products.transports.generation import generation\n"
        "from tercio.products.transports.netfilter import Line\n"
        "try: generation(Line())\n"
        "except OSError as error: print(error.errno, error.strerror)"
    )
    assert said == "1 the kernel does not tell nftables' generation: Operation not permitted\n"
