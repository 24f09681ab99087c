"""The store and the archive as `tercio up` starts them."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tercio.app.commands import keep
from tercio.app.eventstore import archive_of, folder_of, password_file
from tercio.app.settings import SettingsError, load
from tercio.app.supervisor import prepare
from tercio.app.terminal import Failed
from tercio.model.archive import EVERYTHING
from tercio.store.events import EARLIEST, LATEST, EventsSilent
from tests.app.given import TOML, home

LINE = b'{"timestamp":"2026-11-24T08:00:00+0000","event_type":"flow","src_ip":"10.0.0.1"}\n'


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A process that keeps takes signals; this one takes them back."""
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    yield
    for name, whose in before.items():
        signal.signal(name, whose)


def embedded(folder: Path, port: int) -> Path:
    text = TOML.replace('"eve.json"\n', '"eve.json"\nfrom = "start"\n')
    return home(folder, f'{text}\n[store]\nkind = "embedded"\nport = {port}\n')


def test_what_a_source_writes_is_in_the_store_soon(tmp_path: Path):
    pytest.importorskip("chdb", reason="the event store's engine is not installed (extra store)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = embedded(tmp_path, port)
    loaded = load(settings)
    prepare(loaded)
    loaded.sources[0].path.write_bytes(LINE)
    processes: list[subprocess.Popen[bytes]] = []

    def start(part: str) -> None:
        words = [sys.executable, "-m", "tercio", part, "--settings", str(settings)]
        with (tmp_path / "log").open("ab") as log:
            processes.append(subprocess.Popen(words, stderr=log))

    try:
        start("store")
        deadline = time.monotonic() + 90
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)):
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.1)
        start("archive")
        found: list[bytes] = []
        while not found:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
            with contextlib.suppress(EventsSilent, ValueError), closing(archive_of(loaded)) as events:
                found = [row.line for block in events.scan(EVERYTHING, EARLIEST, LATEST) for row in block]
        assert found == [LINE]
        assert password_file(loaded).read_text() not in (tmp_path / "log").read_text()
        assert folder_of(loaded).stat().st_mode & 0o777 == 0o700
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_no_store_is_started_where_none_is_meant(tmp_path: Path):
    with pytest.raises(SettingsError, match='kind = "embedded"'):
        keep.store(home(tmp_path))


@pytest.mark.parametrize(("part", "package"), [(keep.store, "uvicorn"), (keep.archive, "clickhouse_connect")])
def test_a_package_that_is_missing_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Callable[[Path], None], package: str
):
    settings = embedded(tmp_path, 1)
    prepare(load(settings))
    monkeypatch.delitem(sys.modules, "tercio.store.serve", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Failed, match=package) as told:
        part(settings)
    assert "tercio[store]" in str(told.value)


def test_a_taken_port_is_told(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = embedded(tmp_path, taken.getsockname()[1])
        prepare(load(settings))
        with pytest.raises(Failed, match=r"Address already in use; correct \[store\] port"):
            keep.store(settings)
