"""The archive on real files and the real store: whatever dies, each line is kept once, and what is lost is told."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tercio.app import archive
from tercio.app.archive import Archivist, Followed, Setup
from tercio.model.archive import EVERYTHING
from tercio.products.sensors import SENSORS
from tercio.products.transports.logfile import end_of
from tercio.store.events import EARLIEST, LATEST, Events, EventsSilent
from tercio.store.schema import LEAST_FREE
from tests.stored import KEEP, PASSWORD, running_store

ROOM = 64 << 20
LINE = b'{"timestamp":"2026-11-24T08:00:%02d.%06d+0000","event_type":"flow","src_ip":"10.0.0.1","n":%d}\n'


def lines(first: int, last: int) -> list[bytes]:
    return [LINE % (n // 1_000_000, n % 1_000_000, n) for n in range(first, last)]


def write(path: Path, more: list[bytes]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(more))


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TICK", 0.02)
    monkeypatch.setattr(archive, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(archive, "LONGEST_PAUSE", 0.1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "eve.json"
    path.touch()
    return path


def connect(url: str, site: str, patience: int = 60) -> Events:
    return Events.connect(url, "tercio", PASSWORD, site, patience=patience)


@contextmanager
def archiving(path: Path, meet: Callable[[], Events], *, from_start: bool = True) -> Iterator[Archivist]:
    archivist = Archivist(Setup({"ot": Followed(SENSORS["suricata"], path, from_start)}, meet, KEEP))
    thread = threading.Thread(target=archivist.live)
    thread.start()
    try:
        yield archivist
    finally:
        archivist.stop()
        thread.join(90)
        assert not thread.is_alive()


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kept(events: Events) -> list[bytes]:
    return [row.line for block in events.scan(EVERYTHING, EARLIEST, LATEST) for row in block]


def rows(events: Events) -> int:
    try:
        return events.held().rows
    except EventsSilent:
        return -1


def test_lines_are_kept_in_order_through_rotation_and_restarts(store_url: str, path: Path):
    write(path, lines(0, 30_000))
    with closing(connect(store_url, "restarts")) as events:
        with archiving(path, lambda: connect(store_url, "restarts")):
            until(lambda: rows(events) == 30_000)
            path.rename(path.with_name("eve.json.1"))
            write(path, lines(30_000, 30_100))
            until(lambda: rows(events) == 30_100)
        write(path, lines(30_100, 30_200))
        path.rename(path.with_name("eve.json.2"))
        write(path, lines(30_200, 30_300))
        with archiving(path, lambda: connect(store_url, "restarts")):
            until(lambda: rows(events) >= 30_300)
        assert kept(events) == lines(0, 30_300)
        assert events.losses(0) == ()


def test_a_first_start_begins_behind_what_is_there_and_later_ones_where_it_began(store_url: str, path: Path):
    write(path, lines(0, 10))
    with closing(connect(store_url, "from now")) as events:
        with archiving(path, lambda: connect(store_url, "from now"), from_start=False):
            until(lambda: events._known() and events.reached(["ot"])["ot"])
        write(path, lines(10, 20))
        with archiving(path, lambda: connect(store_url, "from now"), from_start=False):
            until(lambda: rows(events) >= 10)
        assert kept(events) == lines(10, 20)


def test_a_source_with_a_backlog_keeps_no_other_waiting(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(archive, "AT_ONCE", 1 << 20)
    write(tmp_path / "a.json", lines(0, 40_000))
    write(tmp_path / "b.json", lines(0, 1))
    sources = {name: Followed(SENSORS["suricata"], tmp_path / f"{name}.json", True) for name in "ab"}
    archivist = Archivist(Setup(sources, lambda: connect(store_url, "in turn"), KEEP))
    with closing(connect(store_url, "in turn")) as events:
        archivist._meet()
        for _ in range(2):
            archivist._turn()
        assert archivist._sources["a"].tail.behind
        assert events.reached(["b"])["b"]
    for source in archivist._sources.values():
        source.tail.close()


SCRIPT = """
import sys
from pathlib import Path
from tercio.app import archive
from tercio.products.sensors import SENSORS
from tercio.store.events import Events
archive.TICK = archive.FIRST_PAUSE = 0.01
meet = lambda: Events.connect(sys.argv[1], "tercio", sys.argv[2], "killed")
archive.run(archive.Setup({"ot": archive.Followed(SENSORS["suricata"], Path(sys.argv[3]), True)}, meet, 10**15))
"""


def test_killed_between_any_two_moments_it_loses_and_doubles_nothing(store_url: str, path: Path):
    words = [sys.executable, "-c", SCRIPT, store_url, PASSWORD, str(path)]
    with closing(connect(store_url, "killed")) as events:
        events.prepare(["event_type"], KEEP)
        for kill in range(3):
            process = subprocess.Popen(words)
            write(path, lines(kill * 2000, kill * 2000 + 1000))
            until(lambda kill=kill: rows(events) > kill * 2000)
            write(path, lines(kill * 2000 + 1000, kill * 2000 + 2000))
            process.send_signal(signal.SIGKILL if kill < 2 else signal.SIGCONT)
            if kill < 2:
                process.wait(60)
        until(lambda: rows(events) >= 6000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert kept(events) == lines(0, 6000)
        assert rows(events) == 6000


def test_a_store_that_is_killed_stalls_or_is_full_costs_no_line(tmp_path: Path, path: Path):
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder) as disk:
        urls = ["http://127.0.0.1:1"]
        with archiving(path, lambda: connect(urls[0], "s", patience=2)) as archivist:
            with running_store(folder) as store, closing(connect(store.url, "s")) as events:
                urls[0] = store.url
                write(path, lines(0, 500))
                until(lambda: rows(events) == 500)
                write(path, lines(500, 1500))
            write(path, lines(1500, 2000))
            with running_store(folder) as store, closing(connect(store.url, "s")) as events:
                urls[0] = store.url
                until(lambda: rows(events) >= 2000)
                stall(store.pid, lambda: write(path, lines(2000, 3000)))
                until(lambda: rows(events) >= 3000)
                if disk:
                    fill(folder)
                    write(path, lines(3000, 9000))
                    until(lambda: "free space" in archivist._trouble)
                    assert shutil.disk_usage(folder).free > LEAST_FREE - (8 << 20)
                    (folder / "filled").unlink()
                    until(lambda: rows(events) >= 9000)
                assert kept(events) == lines(0, 9000 if disk else 3000)
                assert events.losses(0) == ()


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """The folder as a disk with 64 MB more than the store leaves free, where this user may make one."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={LEAST_FREE + ROOM}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    try:
        yield made.returncode == 0
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Take of the disk what the store may have, and not what it leaves to others."""
    (folder / "filled").write_bytes(bytes(ROOM))


def stall(pid: int, meanwhile: Callable[[], None]) -> None:
    """Let a store stand still until its client has given up."""
    os.kill(pid, signal.SIGSTOP)
    try:
        meanwhile()
        time.sleep(2.5)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_what_rotation_takes_away_while_the_store_is_silent_is_told(store_url: str, path: Path, capfd):
    silent = threading.Event()

    def meet() -> Events:
        if silent.is_set():
            raise EventsSilent("the store is away")
        return connect(store_url, "away")

    with closing(connect(store_url, "away")) as events, archiving(path, meet) as archivist:
        write(path, lines(0, 10))
        until(lambda: rows(events) == 10)
        silent.set()
        archivist._fail("the store is away")
        for number in range(1, 4):  # Each is there long enough to be seen, and the first of them is gone unread.
            path.rename(path.with_name("eve.json.1"))
            write(path, lines(number * 10, number * 10 + 10))
            begins = end_of(path)[0].partition("-")[2]
            until(lambda begins=begins: begins in archivist._sources["ot"]._unread._sizes)
        silent.clear()
        until(lambda: rows(events) >= 30)
        until(lambda: events.losses(0))
        assert kept(events) == [*lines(0, 10), *lines(20, 40)]
        assert [(lost.times, lost.size) for lost in events.losses(0)] == [(1, len(b"".join(lines(10, 20))))]
    assert "files that rotation took away" in capfd.readouterr().err
