"""What holds for every test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.stored import running_store

# Commands are printed as whoever started us calls them; tests expect the plain name.
os.environ.pop("TERCIO_CALLED", None)

# Machines differ and are shared: no property fails for being slow. Where a failure must mean the change at hand,
# examples are the same every time; at a developer's desk they are new every time.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("deep", deadline=None, max_examples=100_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "desk"))


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    """Whoever starts a process ends it, also when his test fails."""
    yield
    left = [words for child in children() if (words := command_line(child))]
    assert not left, "left running by the tests:\n" + "\n".join(left)


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real event store for all tests that only need one; each takes a site of its own."""
    with running_store(tmp_path_factory.mktemp("store")) as store:
        yield store.url


def children() -> list[str]:
    """Processes whose parent is this one. (Not every kernel has /proc/PID/task/TID/children.)"""
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/stat") if parent(path) == os.getpid()]


def parent(stat: Path) -> int:
    try:
        return int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def command_line(pid: str) -> str:
    """What a process runs; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
