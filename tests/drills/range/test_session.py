import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tercio.drills.range import session
from tercio.drills.range.session import Asking, Lost, unacknowledged
from tercio.drills.range.traces import Asked, SessionLost, Trace, read_trace


def five(data: bytes) -> int:
    return 5 if data else 0


class Server:
    """Takes one session after the other and does with each what it was told."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.act = act
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.act(connection)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def serving() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    servers: list[Server] = []

    def serve(act: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(act))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(5):
        connection.sendall(data)


def once(connection: socket.socket) -> None:
    connection.sendall(connection.recv(5))


def test_answers_are_counted_and_told_now_and_then(serving, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "REPORT", 0.0)
    asking = Asking("s", serving(echo).address, five, Trace(tmp_path / "t"))
    assert asking.open()
    assert asking.open(), "the same session"
    assert [asking.ask(b"abcde"), asking.ask(b"fghij")] == [b"abcde", b"fghij"]
    asking.close()
    told = read_trace(tmp_path / "t").records
    assert [(each.session, each.answered) for each in told if isinstance(each, Asked)] == [("s", 1), ("s", 2)]
    assert len(told) == 2


def test_an_answer_in_pieces_is_put_together_and_what_is_more_is_kept(serving, tmp_path):
    def pieces(connection: socket.socket) -> None:
        connection.recv(5)
        connection.sendall(b"ab")
        connection.sendall(b"cdefghij")
        connection.recv(1)

    asking = Asking("s", serving(pieces).address, five, Trace(tmp_path / "t"))
    asking.open()
    assert asking.ask(b"12345") == b"abcde"
    assert asking.ask(b"1") == b"fghij"
    asking.close()


def test_a_session_that_ends_is_lost_once_and_can_be_opened_anew(serving, tmp_path):
    asking = Asking("s", serving(once).address, five, Trace(tmp_path / "t"))
    for _ in range(2):
        asking.open()
        asking.ask(b"abcde")
        with pytest.raises(Lost):
            asking.ask(b"abcde")
        with pytest.raises(Lost, match="no session"):
            asking.ask(b"abcde")
    lost = [each for each in read_trace(tmp_path / "t").records if isinstance(each, SessionLost)]
    assert [(each.session, each.asked) for each in lost] == [("s", 1), ("s", 1)]


def test_one_that_never_answered_was_none_to_lose(serving, tmp_path):
    asking = Asking("s", serving(socket.socket.close).address, five, Trace(tmp_path / "t"))
    asking.open()
    with pytest.raises(Lost):
        asking.ask(b"abcde")
    assert read_trace(tmp_path / "t").records == ()


def test_nobody_there_is_no_session(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    assert not Asking("s", address, five, Trace(tmp_path / "t")).open()


def test_a_peer_that_is_slow_is_waited_for(serving, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "PATIENCE", 0.3)

    def slow(connection: socket.socket) -> None:
        data = connection.recv(5)
        threading.Event().wait(1.2)
        connection.sendall(data)
        connection.recv(1)

    asking = Asking("s", serving(slow).address, five, Trace(tmp_path / "t"))
    asking.open()
    assert asking.ask(b"abcde") == b"abcde"
    asking.close()


def test_what_the_peers_kernel_does_not_take_is_unacknowledged(serving):
    hold = threading.Event()

    def deaf(connection: socket.socket) -> None:
        hold.wait()
        connection.close()

    server = serving(deaf)
    with socket.create_connection(server.address) as client:
        assert unacknowledged(client) == 0
        client.setblocking(False)
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while filled < 100_000_000:
                filled += client.send(b"x" * 65536)
        assert unacknowledged(client) > 0
    hold.set()
