"""The real platform with a worker, whose processes are killed while lines come: each counts once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tercio.app.settings import load
from tercio.app.status import Part, look
from tercio.loop.sources import SOCKET
from tercio.model.journal import Silence, Told
from tercio.products.transports.reports import present
from tercio.store.audit import verify
from tercio.store.state import State
from tests.app.given import TOML, home

RULE = """\
title: A tool of the trade
id: 7b6f0d6e-1c1f-4c6f-9a52-0a4c1f7f3a01
level: high
tags: [attack.t1003.001]
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: 'dump.exe'}, condition: s}
"""
HOSTS = '[sources.hosts]\nsensor = "windows"\npath = "hosts.json"\nsilent_after = "2s"\n[store]\nkind = "none"\n'


def started(host: int, image: str) -> bytes:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Computer": f"h{host}", "@timestamp": at}
    return json.dumps({**record, "Image": image}).encode() + b"\n"


class Platform:
    """A home, and `tercio up` on it."""

    def __init__(self, folder: Path) -> None:
        text = TOML.partition("[hands")[0].replace('"site.toml"', '"site.toml"\nrules = ["rules"]', 1)
        self.file = home(folder, text + HOSTS + "[workers]\ncount = 2\n")
        (folder / "rules").mkdir()
        (folder / "rules" / "tool.yml").write_text(RULE)
        self.log, self.hosts = folder / "hosts.json", iter(range(10_000))
        self.log.touch()
        self.state = load(self.file).state
        self.written = 0

    @contextlib.contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        argv = [sys.executable, "-m", "tercio", "up", "--settings", str(self.file)]
        with (self.file.parent / "log").open("ab") as log, subprocess.Popen(argv, stderr=log) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

    def until(self, holds: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < deadline, f"{what}\n{(self.file.parent / 'log').read_text()[-4000:]}"
            time.sleep(0.02)

    def write(self, count: int = 40) -> None:
        with self.log.open("ab") as log:
            for _ in range(count):
                log.write(started(next(self.hosts), "C:\\calc.exe") * 20 + started(self.written, "C:\\dump.exe"))
                self.written += 1

    def found(self) -> list[str]:
        """The hosts that were found, as often as a line of theirs counted."""
        with State.read(self.state) as reader:
            told = [msgspec.json.decode(r.body, type=Told) for r in reader.records(kind="finding", after_seq=0)]
            repeats = sum(incident.repeats for incident in reader.incidents(10_000))
        assert repeats == 0
        return sorted((each.finding.src for each in told), key=lambda name: int(name[1:]))

    def silences(self) -> list[bool]:
        """What was journaled of the hosts' silence since lines of theirs came."""
        with State.read(self.state) as reader:
            told = [msgspec.json.decode(r.body, type=Silence) for r in reader.records(kind="silence", after_seq=0)]
        return [each.silent for each in told if each.source == "hosts"]

    def connected(self) -> bool:
        with contextlib.suppress(OSError):
            return all(seat.connected for seat in present(self.state / SOCKET).seats)
        return False

    def all_found(self) -> bool:
        return len(self.found()) >= self.written


def children(of: int, word: str) -> list[int]:
    """The processes under one, by a word of their command line."""
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(of)], capture_output=True, text=True, check=False)
    rows = (row.split(None, 1) for row in found.stdout.splitlines())
    return [int(pid) for pid, args in rows if f" {word} " in args]


def test_whichever_process_is_killed_each_line_counts_once(tmp_path: Path):
    """And a worker that hangs looks like a sensor that fell silent, and is named."""
    home = Platform(tmp_path)
    with home.up() as process:
        home.until(home.connected, "no worker came")
        home.write()
        for word in ("worker", "loop"):
            (victim,) = children(process.pid, word)
            home.write()
            os.kill(victim, signal.SIGKILL)
            home.write()
            home.until(lambda: victim not in children(process.pid, word), f"the {word} was not missed")  # noqa: B023
            home.until(home.connected, f"nobody came after the {word} that was killed")
        home.write()
        home.until(home.all_found, "lines were lost")
        (hanging,) = children(process.pid, "worker")
        os.kill(hanging, signal.SIGSTOP)
        try:
            home.until(lambda: home.silences()[-1:] == [True], "its silence was not noticed")
        finally:
            os.kill(hanging, signal.SIGKILL)
        silences = len(home.silences())
        home.write()
        home.until(home.all_found, "lines were lost")
        assert home.silences()[silences] is False, "it speaks again"
        said = look(load(home.file), time.time_ns() // 1000)
    assert said.workers == (Part("bulk-1", True, "reads hosts"),)
    assert home.found() == [f"h{number}" for number in range(home.written)]
    assert verify(home.state).ok
