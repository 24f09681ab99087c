import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tercio.drills.range.sandbox import missing_tools, refusal, wrap
from tercio.drills.range.suricata import missing
from tercio.drills.range.traces import read_trace

SCENARIO = Path(__file__).with_name("scenario.py")


@pytest.fixture(scope="session")
def sandboxed() -> None:
    """Skips, with the reason, where this machine gives no sandbox."""
    if reasons := missing_tools():
        pytest.skip("; ".join(reasons))
    if refused := refusal():
        pytest.skip(refused)


@pytest.fixture(scope="session")
def drill(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the whole scenario came to (see scenario.py), played once for all tests."""
    request.getfixturevalue("sandboxed")
    if reason := missing():
        pytest.skip(reason)
    command = wrap([sys.executable, str(SCENARIO), str(tmp_path_factory.mktemp("drill"))])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Stage:
    """Actors as processes on loopback, each with its trace; all end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        name = module.rpartition(".")[2]
        trace = str(self.folder / f"{name}.jsonl")
        argv = [sys.executable, "-m", module, "--trace", trace, "--port", str(self.port), *arguments]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(argv, stdout=log, stderr=log)
        return self.processes[name]

    def plc(self) -> None:
        """Start the controller on loopback and wait for it."""
        self.start("tercio.drills.range.plc", "--bind", "127.0.0.1")
        self.until(lambda: self.records("plc"))

    def end(self, name: str) -> int:
        self.processes[name].terminate()
        return self.processes[name].wait(timeout=90)

    def records(self, name: str, kind: type | None = None) -> list[Any]:
        found = read_trace(self.folder / f"{name}.jsonl").records
        return [each for each in found if kind is None or isinstance(each, kind)]

    def until(self, holds: Callable[[], object], seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            logs = {path.name: path.read_text() for path in self.folder.glob("*.log")}
            assert time.monotonic() < deadline, f"did not come true; logs: {logs}"
            time.sleep(0.02)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    played = Stage(tmp_path)
    try:
        yield played
    finally:
        for process in played.processes.values():
            process.kill()
            process.wait()


def processes_with(marker: str) -> list[int]:
    """Processes of this machine that carry a marker in their command line."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and int(path.name) != os.getpid():
            try:
                line = path.joinpath("cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in line:
                found.append(int(path.name))
    return found


@pytest.fixture
def marked() -> Callable[[str], list[int]]:
    return processes_with
