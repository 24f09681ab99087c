"""What holds for every test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Machines differ and are shared: no property fails for being slow. Where a failure must mean the change at hand,
# examples are the same every time; at a developer's desk they are new every time.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    """Whoever starts a process ends it, also when his test fails."""
    yield
    left = [words for child in children() if (words := command_line(child))]
    assert not left, "left running by the tests:\n" + "\n".join(left)


def children() -> list[str]:
    lists = Path("/proc/self/task").glob("*/children")
    return [pid for path in lists for pid in path.read_text().split()]


def command_line(pid: str) -> str:
    """What a process runs; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
