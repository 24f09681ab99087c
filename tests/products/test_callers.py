"""Lines to a hand in this process: heard in their order, answered, turned away, closed."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tercio.model.commands import Hello, Response, Status
from tercio.products.callers import MOST_LINES, Callers, Peer
from tercio.products.handfile import HandFile, Listed
from tercio.products.transports.seqpacket import listen


class Echo:
    """Answers each message with its bytes and the number of its line."""

    def __init__(self, folder: Path, uid: int) -> None:
        socket_path, key = str(folder / "s"), b""
        self.heard: list[bytes] = []
        self.file = HandFile(
            name="gw", socket=socket_path, mechanism="nftables", order_key=key, never=Listed(), never_host=Listed(),
            needed=(), verbs=frozenset(), longest=1, targets_per_hour=1, peer_uid=uid,
        )  # fmt: skip

    def hello(self, peer: Peer) -> Hello:
        return Hello("gw", peer.nonce, "nftables", "none", "none")

    def answer(self, data: bytes, peer: Peer) -> Response:
        self.heard.append(data)
        return Response(
            command=data.decode(), hand="gw", status=Status.DONE, held=True, at=0, detail=peer.nonce, retry=False
        )


Started = tuple[Echo, Callable[[], socket.socket], list[dict[str, Any]]]


@pytest.fixture
def started(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Started]:
    """One that attends in a thread of its own; how to reach it; what it logs."""
    echo = Echo(tmp_path, getattr(request, "param", os.geteuid()))
    listener = listen(echo.file.socket, os.geteuid())
    wake, woken = socket.socketpair()
    logged: list[dict[str, Any]] = []

    def work() -> None:
        with Callers(listener, echo, "boot", lambda **fields: logged.append(fields)) as callers:
            callers.attend(wake)

    thread = threading.Thread(target=work)
    thread.start()
    lines: list[socket.socket] = []

    def reach() -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.settimeout(60)
        line.connect(echo.file.socket)
        lines.append(line)
        return line

    yield echo, reach, logged
    woken.send(b"x")
    thread.join(60)
    assert not thread.is_alive()
    for line in (*lines, listener, wake, woken):
        line.close()


def test_each_line_has_a_nonce_of_its_own_and_is_answered_in_its_order(started: Started) -> None:
    echo, reach, logged = started
    one, other = reach(), reach()
    assert [b"boot-1" in one.recv(65536), b"boot-2" in other.recv(65536)] == [True, True]
    for word in (b"a", b"b"):
        one.send(word)
    other.send(b"c")
    answers = [one.recv(65536), one.recv(65536), other.recv(65536)]
    assert [b"boot-1" in answer for answer in answers] == [True, True, False]
    assert sorted(echo.heard) == [b"a", b"b", b"c"]
    deadline = time.monotonic() + 60  # What was answered is logged behind the answer.
    while len(logged) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(logged) == 3


def test_more_lines_than_it_keeps_are_turned_away(started: Started) -> None:
    _, reach, logged = started
    kept = [line for line in (reach() for _ in range(MOST_LINES + 5)) if line.recv(65536)]
    assert MOST_LINES - 3 <= len(kept) < MOST_LINES
    assert all(fields["full"] for fields in logged)
    kept[0].send(b"still")
    assert b"still" in kept[0].recv(65536)


@pytest.mark.parametrize("started", [os.geteuid() + 1], indirect=True)
def test_a_stranger_hears_nothing(started: Started) -> None:
    echo, reach, logged = started
    assert reach().recv(65536) == b""
    assert logged[0]["turned_away"] == os.geteuid()
    assert not echo.heard


def test_the_end_closes_every_line(tmp_path: Path) -> None:
    echo = Echo(tmp_path, os.geteuid())
    wake, woken = socket.socketpair()
    with listen(echo.file.socket, os.geteuid()) as listener, wake, woken:
        with Callers(listener, echo, "boot", lambda **_: None) as callers:
            line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            line.settimeout(60)
            line.connect(echo.file.socket)
            threading.Timer(0.0, lambda: line.recv(65536) and woken.send(b"x")).start()
            callers.attend(wake)
        assert line.recv(65536) == b""
        line.close()
