import json
import socket
import struct
import subprocess
import sys
import threading

import pytest

from bench import striker


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch):
    """A listener on loopback that keeps what it is sent and answers with the same."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    line, _ = server.accept()
                    with line:
                        data = line.recv(64)
                        got.append(data)
                        line.sendall(data)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        monkeypatch.setattr(striker, "PLC", "127.0.0.1")
        monkeypatch.setattr(
            striker, "connect", lambda source, target, _, patience: connect(source, target, server, patience)
        )
        yield got
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


real = striker.connect


def connect(source: str, target: str, server: socket.socket, patience: float):
    return real(source, target, server.getsockname()[1], patience)


def test_a_write_is_one_frame_to_a_register_that_means_nothing(controller: list[bytes]):
    striker.write("127.0.0.9")
    (frame,) = controller
    assert struct.unpack(">HHHBBHH", frame) == (1, 0, 6, 1, 6, striker.UNUSED, 1)


def test_a_refused_connection_is_no_error():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert striker.connect("127.0.0.9", "127.0.0.1", closed.getsockname()[1], 0.5) is None
    assert striker.connect("192.0.2.1", "127.0.0.1", 1, 0.5) is None, "an address that is not ours"


def test_a_sweep_tries_every_port_on_every_host(monkeypatch: pytest.MonkeyPatch):
    tried: list[tuple[str, int]] = []
    monkeypatch.setattr(striker, "connect", lambda _source, target, port, _patience: tried.append((target, port)))
    striker.sweep("127.0.0.9", 10_000)
    assert len(tried) == len(set(tried)) == striker.SWEEP
    assert tried[0] == (striker.PLC, 502)


def test_each_strike_is_answered_by_one_line():
    done = subprocess.run(
        [sys.executable, striker.__file__, "100000"],
        input="write 192.0.2.1\nsweep 192.0.2.2\n",
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["kind"], line["source"]) for line in lines] == [("write", "192.0.2.1"), ("sweep", "192.0.2.2")]
    assert lines[0]["began"] <= lines[1]["began"]
