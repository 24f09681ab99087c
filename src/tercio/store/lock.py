"""One writer at a time: a lock that the kernel releases when its holder dies, however it dies."""

import contextlib
import fcntl
import os
from pathlib import Path

from tercio.store.errors import StateLocked


class WriterLock:
    """An exclusive ``flock``, held until ``release`` or the end of the process. The file names the holder's process."""

    def __init__(self, path: Path) -> None:
        """Take the lock at once. Raises StateLocked where somebody holds it, OSError where the file can't be made."""
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _number(os.pread(self._handle, 60, 0))
            os.close(self._handle)
            raise StateLocked(
                f"{path.parent} is written by {holder}, and a state has one writer. "
                "Say it to the running tercio, or stop that first."
            ) from None
        with contextlib.suppress(OSError):  # On a full disk nobody learns who holds the lock; it is held all the same.
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()} {_numbering()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._handle)


def _number(text: bytes) -> str:
    digits, _, numbering = text.strip().decode("ascii", "replace").partition(" ")
    if not digits.isdecimal():
        return "another process"
    return (
        f"process {digits}" if numbering == _numbering() else "a process in another container, or in a demo that runs"
    )


def _numbering() -> str:
    """Whose numbers processes have here: in another namespace they mean other processes."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "unknown"
