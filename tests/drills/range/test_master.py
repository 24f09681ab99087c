import socket
import threading

import pytest

from tercio.drills.range.master import Master


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_what_it_writes_it_reads_back(stage):
    stage.plc()
    with Master("127.0.0.1", stage.port) as master:
        assert master.write(2, 222) == "acked"
        assert master.read(3, 3)[2] == 222
        assert master.local_port > 0
        master.close()
        assert master.local_port == 0
        assert master.read(3, 1) == [600], "a lost session is opened anew"


def test_a_refusal_is_an_exception_and_an_empty_answer(stage):
    stage.plc()
    with Master("127.0.0.1", stage.port) as master:
        assert master.write(999, 1) == "exception"
        assert master.read(3, 100) == []


def test_nobody_there_is_a_value():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with Master("127.0.0.1", free.getsockname()[1], 0.2) as master:
            assert not master.open()
            assert master.local_port == 0
            assert master.read(1, 3) == []
            assert master.write(0, 1) == "timeout"


def test_silence_is_a_timeout(listener):
    with Master("127.0.0.1", listener.getsockname()[1], 0.1) as master:
        assert master.open()
        assert master.write(0, 1) == "timeout"
        assert master.read(4, 1) == []


def test_garbage_is_no_answer(listener):
    def babble():
        session, _ = listener.accept()
        with session:
            session.recv(100)
            session.sendall(b"\x00\x01\x00\x00\x00\xff\xff" * 40)

    thread = threading.Thread(target=babble)
    thread.start()
    with Master("127.0.0.1", listener.getsockname()[1], 0.2) as master:
        assert master.read(3, 3) == []
    thread.join()
