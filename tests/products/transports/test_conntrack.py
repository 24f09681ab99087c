"""Forgetting, on a real kernel, asked in another way what it still knows."""

import shutil
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tercio.products.transports import conntrack as module
from tercio.products.transports.conntrack import forget
from tercio.products.transports.netfilter import Line
from tests.products.field import Namespace

LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}
PORTS = (5001, 5002)


@pytest.fixture(scope="module")
def space(spaces: Callable[[], Namespace]) -> Namespace:
    if shutil.which("conntrack") is None:
        pytest.skip("conntrack is missing")
    made = spaces()
    made.nft("table inet t { chain c { type filter hook input priority 0; ct state new accept; }; }")
    return made


@pytest.fixture
def lines(space: Namespace) -> Iterator[None]:
    """A connection to each port in each family, and nothing else."""
    space.run("conntrack -F")

    def work() -> list[Any]:
        open_: list[Any] = []
        for host in LOOPBACK.values():
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            open_ += [socket.create_server((host, port), family=family) for port in PORTS]
            open_ += [socket.create_connection((host, port)) for port in PORTS]
        return open_

    made = space.inside(work)
    yield
    for each in made:
        each.close()


def known(space: Namespace) -> set[tuple[str, int]]:
    """The family and port of each connection that the kernel still knows."""
    return {
        (name, port)
        for name in LOOPBACK
        for port in PORTS
        if f" dport={port}" in space.run(f"conntrack -L -p tcp -f {name} --orig-port-dst {port}")
    }


def forgotten(space: Namespace, words: str) -> str:
    def work() -> str:
        line = Line()
        try:
            return forget(line, words)
        finally:
            line.close()

    return space.inside(work)


ALL = {(name, port) for name in LOOPBACK for port in PORTS}
WAYS = ["at once", "one by one"]
"""What a new kernel can, and what is done on an older one."""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "one by one":
        monkeypatch.setattr(module, "_at_once", lambda *_: False)


@pytest.mark.usefixtures("lines", "way")
@pytest.mark.parametrize("name", LOOPBACK)
def test_it_forgets_what_matches_and_only_that(space: Namespace, name: str) -> None:
    host = LOOPBACK[name]
    assert known(space) == ALL
    assert forgotten(space, f"-D -f {name} -p tcp --orig-src {host} --orig-dst {host} --orig-port-dst 5001") == ""
    assert known(space) == ALL - {(name, 5001)}
    assert forgotten(space, f"-D -f {name} -p tcp --orig-src {host}") == ""
    assert known(space) == {each for each in ALL if each[0] != name}


@pytest.mark.usefixtures("lines", "way")
@pytest.mark.parametrize(
    "words",
    [
        "-D -f ipv4 -p tcp --orig-src 10.1.2.3",
        "-D -f ipv6 -p tcp --orig-src fd00::9",
        "-D -f ipv4 -p tcp --orig-src 127.0.0.1 --orig-dst 127.0.0.1 --orig-port-dst 5003",
        "-D -f ipv6 -p tcp --orig-src ::1 --orig-dst ::2",
    ],
)
def test_nothing_to_forget_is_no_failure(space: Namespace, words: str) -> None:
    assert forgotten(space, words) == ""
    assert known(space) == ALL


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(
    "words",
    [
        "",
        "-D",
        "-F",
        "-D --orig-src nonsense",
        "-D -f ipv4 -p tcp",
        "-D -f ipv4 -p udp --orig-src 127.0.0.1",
        "-D -f ipv4 -p tcp --orig-src ::1",
        "-D -f ipv6 -p tcp --orig-src ::1 --orig-dst 127.0.0.1",
        "-D -f ipv4 -p tcp --orig-src 127.0.0.1 --mark",
        "-D -f ipv4 -p tcp --orig-src 127.0.0.1 --mark 7",
        "-D -f ipv4 -p tcp --orig-src 127.0.0.1 --orig-port-dst x",
        "-D -f ipv4 -p tcp --orig-src 127.0.0.1 --orig-port-dst 70000",
    ],
)
def test_a_failure_is_one_line_and_forgets_nothing(space: Namespace, words: str) -> None:
    said = forgotten(space, words)
    assert said.startswith("conntrack failed")
    assert "\n" not in said
    assert known(space) == ALL


def test_a_refusal_of_the_kernel_is_said(space: Namespace) -> None:
    said = space.powerless(
        "from tercio.products.transports.conntrack import forget\n"
        "from tercio.products.transports.netfilter import Line\n"
        "print(forget(Line(), '-D -f ipv4 -p tcp --orig-src 127.0.0.1'))"
    )
    assert said == "conntrack failed, so old connections were not forgotten: Operation not permitted\n"
