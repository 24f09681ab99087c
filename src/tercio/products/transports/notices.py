"""The kernel's notices about one path: its file, its folder, and where a symbolic link leads."""

import contextlib
import errno
from pathlib import Path

from asyncinotify import Inotify, Mask, Watch

from tercio.products.transports.rotation import folders

_AT_ONCE = 256
_FOLDER = Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE | Mask.ATTRIB | Mask.DELETE_SELF | Mask.MOVE_SELF


class Notices:
    """Makes ``fileno`` readable when the file at a path is written to, or another comes to lie there.

    Notices only wake: what happened is read from the disk. A file that was watched stays watched when it is renamed.
    ``trouble`` says why the kernel gives no notices (empty where it does).
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError where no inotify instance is left (fs.inotify.max_user_instances)."""
        self.trouble = ""
        self._path = path
        self._watches: dict[tuple[int, int], Watch] = {}
        self._inotify = Inotify(cache_size=64, sync_timeout=0)

    def fileno(self) -> int:
        """The inotify descriptor."""
        return self._inotify.fd

    def close(self) -> None:
        """Stop listening."""
        self._inotify.close()

    def take(self) -> int:
        """Take the waiting notices and listen to what lies at the path now: how many there were. Call before reading,
        so that nothing written during it goes unnoticed."""
        taken = 0
        for _, event in zip(range(_AT_ONCE), self._inotify, strict=False):  # A busy writer must not hold us here.
            taken += 1
            if Mask.IGNORED in event.mask:
                self._watches = {place: watch for place, watch in self._watches.items() if watch is not event.watch}
        self.trouble = ""
        for folder in folders(self._path):
            self._listen(folder, _FOLDER)
        self._listen(self._path, Mask.MODIFY)
        return taken

    def drop(self, device: int, inode: int) -> None:
        """Stop listening to a file that was at the path before."""
        watch = self._watches.pop((device, inode), None)
        if watch is not None:
            with contextlib.suppress(OSError):  # The kernel dropped it already.
                self._inotify.rm_watch(watch)

    def _listen(self, path: Path, mask: Mask) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            found = path.stat()
            place = (found.st_dev, found.st_ino)
            if place in self._watches:
                return
            try:
                self._watches[place] = self._inotify.add_watch(path, mask)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                words = "no inotify watch is left, so it is read once a second; raise fs.inotify.max_user_watches"
                self.trouble = f"{path}: {words}"
