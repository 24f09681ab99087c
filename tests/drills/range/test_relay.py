import socket
import threading
from pathlib import Path

import pytest

from tercio.drills.range.traces import Request, Session, Started, read_trace

RELAY = "tercio.drills.range.relay"


@pytest.fixture
def behind():
    """A server that echoes one session at a time."""

    def echo():
        while True:
            try:
                session, _ = server.accept()
            except OSError:
                return
            with session:
                while data := session.recv(1 << 16):
                    session.sendall(data)

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        threading.Thread(target=echo, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def started(stage, behind):
    listen, stage.port = stage.port, behind
    stage.start(RELAY, "--bind", "127.0.0.1", "--listen", str(listen))
    stage.until(lambda: stage.records("relay", Started))
    return listen


def test_it_passes_bytes_on_both_ways_and_traces_who_came(stage, behind):
    listen = started(stage, behind)
    with socket.create_connection(("127.0.0.1", listen), timeout=20) as session:
        port = session.getsockname()[1]
        for text in (b"there", b"x" * 100_000):
            session.sendall(text)
            got = b""
            while len(got) < len(text):
                got += session.recv(1 << 16)
            assert got == text
    stage.until(lambda: len(stage.records("relay", Session)) == 2)
    assert [(each.peer, each.port, each.opened) for each in stage.records("relay", Session)] == [
        ("127.0.0.1", port, True),
        ("127.0.0.1", port, False),
    ]
    assert stage.end("relay") == 0


def test_who_asks_for_a_machine_that_is_gone_is_hung_up_on(stage):
    listen = started(stage, 1)
    with socket.create_connection(("127.0.0.1", listen), timeout=20) as session:
        assert session.recv(1) == b""


def test_on_the_range_the_controller_sees_the_jump_host_and_not_who_came_over_it(drill):
    traces = Path(drill["folder"], "traces")
    came = {each.peer for each in read_trace(traces / "jump.jsonl").records if isinstance(each, Session)}
    asked = {each.peer for each in read_trace(traces / "plc.jsonl").records if isinstance(each, Request)}
    assert "10.77.10.11" in came
    assert came <= {"10.77.10.11", "10.77.10.10"}, "the second one is the address that passed to this machine"
    assert "10.77.20.30" in asked
    assert "10.77.10.11" not in asked
