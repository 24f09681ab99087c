import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tercio.products.transports.seqpacket import LARGEST, listen, peer_uid, receive, send


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    with listen(str(tmp_path / "s"), os.geteuid()) as listener, client(tmp_path / "s") as one:
        other, _ = listener.accept()
        with other:
            yield one, other


def client(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect(str(path))
    return line


def test_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with listen(str(tmp_path / "s"), os.geteuid()):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
            assert os.listdir(tmp_path) == ["s"]  # noqa: PTH208
            assert os.umask(0) == 0, "the process's own mask is put back"
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: gives a socket away")
def test_it_can_be_given_to_another_user(tmp_path: Path) -> None:
    with listen(str(tmp_path / "s"), 65534):
        assert (tmp_path / "s").stat().st_uid == 65534


def test_what_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    listen(str(tmp_path / "s"), os.geteuid()).close()
    (tmp_path / "s.new").write_text("left over")
    with listen(str(tmp_path / "s"), os.geteuid()), client(tmp_path / "s"):
        pass


def test_a_living_listener_is_left_alone(tmp_path: Path) -> None:
    with listen(str(tmp_path / "s"), os.geteuid()):
        with pytest.raises(OSError, match="another process listens"):
            listen(str(tmp_path / "s"), os.geteuid())
        client(tmp_path / "s").close()


def test_a_file_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(OSError, match="no socket"):
        listen(str(tmp_path / "s"), os.geteuid())
    assert (tmp_path / "s").read_text() == "precious"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot listen at"):
        listen(str(tmp_path / "none" / "s"), os.geteuid())


def test_messages_stay_apart(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    assert send(one, b"a")
    assert send(one, b"b" * LARGEST)
    assert receive(other) == b"a"
    assert receive(other) == b"b" * LARGEST


def test_a_message_too_long_is_thrown_away_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    one.send(b"c" * (LARGEST + 1))
    send(one, b"next")
    assert receive(other) == b""
    assert receive(other) == b"next"


def test_the_kernel_vouches_for_the_peer(pair: tuple[socket.socket, socket.socket]) -> None:
    assert peer_uid(pair[1]) == os.geteuid()


def test_a_peer_that_has_gone_is_none(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    one.close()
    assert receive(other) is None
    assert not send(other, b"x")


def test_a_peer_that_does_not_read_is_not_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    sent = [send(pair[0], b"x" * 1000) for _ in range(5000)]
    assert sent[0]
    assert not sent[-1]


def test_nothing_there_is_told_apart_from_gone(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        receive(pair[1])
