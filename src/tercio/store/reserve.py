"""Space set aside on the state's disk: a file whose blocks are really allocated, given back in slices once the disk is
full, so that cancels, answers and people's words can still be journaled.

In slices, because whoever filled the disk takes what is given back, too. As large as sixteen times the state, within
bounds: what has to be written while the disk is full grows with the state, and a young one needs little.
"""

import os
from pathlib import Path

MIB = 1 << 20

LEAST, MOST = 4 * MIB, 256 * MIB
"""Bounds of the reserve (bytes)."""

TIMES = 16
"""How many times the state it is, and into how many slices it is cut."""


class Reserve:
    """The reserve of the state in one folder. Only the state's writer may use it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.reserve"
        self._state = folder / "state.db"

    @property
    def held(self) -> int:
        """Bytes set aside now."""
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    @property
    def wanted(self) -> int:
        """Bytes that should be set aside for the state as it is."""
        return min(max(TIMES * self._state.stat().st_size, LEAST), MOST)

    def refill(self) -> bool:
        """Set aside what is missing, but no more than half of what is free beyond two slices. False where not even two
        slices are free: then the disk counts as full."""
        held, room = self.held, self._free() - 2 * self._slice()
        if room <= 0:
            return False
        whole = min(self.wanted, held + room // 2)
        if whole <= held:
            return True
        try:
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(handle, 0, whole)
        except OSError:
            os.ftruncate(handle, held)
            return False
        finally:
            os.close(handle)
        return True

    def release(self) -> bool:
        """Give one slice back to the disk. False where nothing is left."""
        held = self.held
        if not held:
            return False
        os.truncate(self._file, max(0, held - self._slice()))
        return True

    def ease(self) -> None:
        """Give a slice back where less than one is free: else the state could not even be opened."""
        if self.held and self._free() < self._slice():
            self.release()

    def _slice(self) -> int:
        return max(self.wanted // TIMES, LEAST // TIMES)

    def _free(self) -> int:
        found = os.statvfs(self._file.parent)
        return found.f_bavail * found.f_frsize
