"""The store's process: who else may have its folder or its port, and how much an address may say."""

import contextlib
import http.client
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tercio.store.clickhouse import THIS_MACHINE
from tercio.store.lock import WriterLock
from tercio.store.serve import LONGEST_HEAD
from tests.stored import PASSWORD, SERVE


class Patient:
    """A line that is still read where the other end answers, and hangs up, before it has heard all."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def sendall(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self._line.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


def serve(folder: Path, port: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", SERVE, str(folder), str(port)], capture_output=True, timeout=120, check=False
    )


def test_a_folder_has_one_store(tmp_path: Path):
    lock = WriterLock(tmp_path / "events.lock")
    ended = serve(tmp_path / "events", 1)
    lock.release()
    assert b"one writer" in ended.stderr
    assert ended.returncode


def test_a_taken_port_is_told_before_the_engine_starts(tmp_path: Path):
    with socket.create_server((THIS_MACHINE, 0)) as taken:
        ended = serve(tmp_path / "events", taken.getsockname()[1])
    assert b"Address already in use" in ended.stderr
    assert ended.returncode
    assert list((tmp_path / "events").iterdir()) == []


def test_an_address_may_be_long_and_no_longer(store_url: str):
    known = {"X-ClickHouse-User": "tercio", "X-ClickHouse-Key": PASSWORD}

    def status(size: int) -> int:
        line = http.client.HTTPConnection(urlsplit(store_url).netloc, timeout=60)
        line.connect()
        line.sock = Patient(line.sock)
        line.request("POST", f"/?param_a={'x' * size}", b"SELECT length({a:String})", known)
        return line.getresponse().status

    assert status(LONGEST_HEAD // 2) == 200
    assert status(LONGEST_HEAD * 2) == 400
