import struct
import subprocess
from collections.abc import Callable

import pytest

from tercio.products.transports import addresses
from tercio.products.transports.addresses import own_addresses
from tests.products.field import Namespace


def test_all_addresses_of_its_namespace_and_no_others(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    space.run(
        "ip link add name b0 type bridge",
        "ip link set b0 up",
        "ip addr add 10.7.0.1/24 brd + dev b0",
        "ip addr add 10.7.0.2/24 dev b0",
        "ip addr add 192.168.5.5/32 dev lo",
        "ip addr add fd00:7::1/64 dev b0 nodad",
    )
    found = space.inside(own_addresses)
    assert {"10.7.0.1", "10.7.0.2", "10.7.0.255", "192.168.5.5", "fd00:7::1", "127.0.0.1", "::1"} <= found
    (link,) = [each for each in found if each in space.run("ip -o link show b0")]
    assert {each for each in found if not each.startswith("fe80::")} <= {
        *(link, "10.7.0.1", "10.7.0.2", "10.7.0.255", "192.168.5.5", "fd00:7::1", "127.0.0.1", "127.255.255.255", "::1")
    }


def test_many_addresses_come_in_many_messages(spaces: Callable[[], Namespace]) -> None:
    space = spaces()
    for third in range(4):
        lines = "".join(f"addr add 10.20.{third}.{n}/32 dev lo\n" for n in range(250))
        subprocess.run(space.argv("ip", "-batch", "-"), input=lines, text=True, check=True, timeout=90)
    found = space.inside(own_addresses)
    assert sum(each.startswith("10.20.") for each in found) == 1000


def test_a_refusal_of_the_kernel_is_an_error() -> None:
    answer = struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -1)
    with pytest.raises(OSError, match="did not list") as caught:
        addresses._messages(answer, set())
    assert caught.value.errno == 1


@pytest.mark.parametrize("data", [b"", b"\0" * 16, b"\0" * 15, struct.pack("=IHHII", 16, 20, 0, 1, 0)[:-1]])
def test_a_short_or_empty_message_neither_ends_nor_hangs_it(data: bytes) -> None:
    found: set[str] = set()
    assert addresses._messages(data, found) is False
    assert found == set()
