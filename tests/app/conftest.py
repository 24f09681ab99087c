"""What tests of the command line share: one demo, played once, and a reason where none can be."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tercio.app.cli import main
from tercio.app.doctor import for_range
from tercio.app.settings import Settings, load
from tercio.app.supervisor import prepare
from tests.app.given import Cli, Said, home, tercio


@pytest.fixture(scope="session")
def as_root() -> None:
    """Skips, with the reason, where no namespace can be made."""
    if os.geteuid() != 0:
        pytest.skip("needs root: makes network namespaces and loads nftables there")
    if gone := [tool for tool in ("nft", "ip", "unshare", "nsenter", "setpriv") if shutil.which(tool) is None]:
        pytest.skip(f"missing: {', '.join(gone)}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a loop that runs; it ends with the module."""
    settings = load(home(tmp_path_factory.mktemp("running")))
    prepare(settings)
    argv = [sys.executable, "-m", "tercio", "loop", "--settings", str(settings.file)]
    with (settings.file.parent / "log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 90
            while not (settings.state / "loop.sock").exists():
                assert process.poll() is None, (settings.file.parent / "log").read_text()
                assert time.monotonic() < deadline, "the loop does not listen"
                time.sleep(0.02)
            yield settings
        finally:
            process.terminate()


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in this process: the same entrance as from a shell, without a second for each start."""

    def call(*words: str, settings: Path | None = None) -> Said:
        argv = ["tercio", *words, *(["--settings", str(settings)] if settings else [])]
        monkeypatch.setattr(sys, "argv", argv)
        monkeypatch.delenv("TERCIO_SETTINGS", raising=False)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert code is None or isinstance(code, int), code
        return Said(code or 0, *capsys.readouterr())

    return call


class Played(NamedTuple):
    """One demo: its exit status, its scoreboard, what it told on the way, and where it left everything."""

    status: int
    board: dict[str, Any]
    told: str
    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "tercio.toml"


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """``tercio demo --json`` on the kernel, once for all tests."""
    if lacks := for_range():
        pytest.skip("; ".join(lacks))
    folder = tmp_path_factory.mktemp("demo") / "kept"
    done = tercio("demo", "--json", "--folder", str(folder), timeout=150)
    assert done.stdout, done.stderr[-2000:]
    return Played(done.returncode, json.loads(done.stdout), done.stderr, folder)
