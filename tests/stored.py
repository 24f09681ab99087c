"""The real event store, filled with lines as the archive would fill it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tercio.app.filing import filer
from tercio.model.events import Batch
from tercio.model.units import SECOND
from tercio.products.sensors import Sensor
from tercio.store.events import Events

PASSWORD = "a password of the tests"
SERVE = (
    "import sys; from pathlib import Path; from tercio.store.http import Account; from tercio.store.serve import serve;"
    f" serve(Path(sys.argv[1]), int(sys.argv[2]), Account('tercio', {PASSWORD!r}))"
)
KEEP = 3660 * 24 * 3600 * SECOND


class Store(NamedTuple):
    """A store that runs: its address, and its process."""

    url: str
    pid: int


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """A store while it runs."""
    pytest.importorskip("chdb", reason="the event store's engine is not installed (extra store)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", SERVE, str(folder / "events"), str(port)], stderr=log)
    try:
        deadline = time.monotonic() + 120
        while not _listens(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "the store does not answer"
            time.sleep(0.02)
        yield Store(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    """It listens before it can answer, and answers when it can."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def filled(url: str, site: str, sensors: Mapping[str, Sensor], batches: Iterable[Batch]) -> Events:
    """A site's part of the store with these lines in it."""
    events = Events.connect(url, "tercio", PASSWORD, site)
    events.prepare([field for sensor in sensors.values() for field in sensor.log_source.routes], KEEP)
    filers = {name: filer(sensor) for name, sensor in sensors.items()}
    events.write([line for batch in batches for line in filers[batch.source](batch)])
    return events
