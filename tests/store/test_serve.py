"""The store's process: who else may have its folder or its port, and what a kill leaves."""

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tercio.store.events import Events
from tercio.store.serve import HOST
from tests.store.test_events import line
from tests.stored import KEEP, PASSWORD, SERVE, running_store


def serve(folder: Path, port: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", SERVE, str(folder), str(port)], capture_output=True, timeout=120, check=False
    )


def test_what_was_acknowledged_survives_a_kill_and_a_folder_has_one_store(tmp_path: Path):
    with running_store(tmp_path) as store:
        with closing(Events.connect(store.url, "tercio", PASSWORD, "a")) as events:
            events.prepare([], KEEP)
            events.write([line(at) for at in range(1000)])
        second = serve(tmp_path / "events", 1)
        assert b"one writer" in second.stderr
    with running_store(tmp_path) as store, closing(Events.connect(store.url, "tercio", PASSWORD, "a")) as events:
        assert events.held().rows == 1000
        assert store.url.startswith(f"http://{HOST}:")


def test_a_taken_port_is_told_before_the_engine_starts(tmp_path: Path):
    with socket.create_server((HOST, 0)) as taken:
        ended = serve(tmp_path / "events", taken.getsockname()[1])
    assert b"Address already in use" in ended.stderr
    assert ended.returncode
    assert list((tmp_path / "events").iterdir()) == []
