"""One log file as it lies on the disk: which file it is, and its complete lines."""

import errno
import gzip
import hashlib
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import msgspec

LONGEST_LINE = 1 << 20
"""Bytes of one line that are passed on; the rest of a longer line is skipped."""

PACKED = ".gz"
"""How a packed file's name ends."""

_HEAD = 4096
_RECENT = 512


Whole = Callable[[Sequence[bytes]], int]
"""How many of these lines, from the first, are records to which nothing is added."""


class Loss(msgspec.Struct, frozen=True):
    """What was not read: ``kind`` (``gone``, ``truncated``, ``cut``, ``unreadable``), how often since it was last asked
    for, how many bytes as far as known, and the latest case in words."""

    kind: str
    times: int
    size: int
    words: str


class Mark(msgspec.Struct, frozen=True):
    """Where reading of one file ended: enough to know the file, or a copy of it, again. ``recent`` are the bytes
    just before ``offset``."""

    generation: str
    head: bytes
    offset: int
    recent: bytes


class LogFile:
    """An open log file that is read by complete lines, from ``offset`` on.

    ``generation`` names the file's content: its inode and a fingerprint of its first line (leading ``#`` lines
    included, at most 4096 bytes), so that a reused inode and a truncated file get another name. It is empty until
    the first line is complete. Files that end in ``.gz`` are read unpacked; offsets count unpacked bytes; one that
    is not whole ends where it breaks, and ``broken`` says so. ``changed`` is the last write seen (nanoseconds).
    """

    def __init__(self, path: Path) -> None:
        """Open for reading. Raises OSError, also where the path is not a regular file."""
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._fd)
            raise OSError(errno.EINVAL, "is not a regular file; name the log file itself", str(path))
        self._packed = os.fdopen(self._fd, "rb", closefd=False) if path.name.endswith(PACKED) else None
        self._unpacked = gzip.GzipFile(fileobj=self._packed) if self._packed else None
        self.path = path
        self.device, self.inode, self.changed = found.st_dev, found.st_ino, found.st_mtime_ns
        self.generation = ""
        self.offset = 0
        self.skipped = 0
        self.broken = ""
        self._head = b""
        self._recent = b""
        self._skipping = False

    def close(self) -> None:
        """Let go of the file."""
        if self._unpacked is not None and self._packed is not None:
            self._unpacked.close()
            self._packed.close()
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def identify(self, *, finished: bool = False) -> bool:
        """Whether the file can be named by now; in a finished file an incomplete first line will do."""
        if not self.generation:
            data = self._at(0, _HEAD)
            self._head = _head(data) or (data if finished else b"")
            self.generation = generation_of(self.inode, self._head) if self._head else ""
        return bool(self.generation)

    def go_on(self, offset: int, generation: str) -> None:
        """Continue where an earlier reader stopped, under the name that it used. Where that is inside a line (it was
        cut there), the rest of the line is skipped."""
        self.offset, self.generation = offset, generation
        self._recent = self._at(max(0, offset - _RECENT), min(offset, _RECENT))
        self._skipping = bool(self._recent) and not self._recent.endswith(b"\n")

    def lines(self, room: int, *, finished: bool = False, whole: Whole = len) -> tuple[bytes, ...]:
        """The next complete lines, about ``room`` bytes but at least one line if there is one; ``offset`` moves on.

        An incomplete last line waits, unless the file is finished; so do lines that are not ``whole`` records yet. Of a
        line longer than LONGEST_LINE the beginning is returned, without newline and as the last of its call; its rest
        is skipped by the next call and counted in ``skipped``, so a consumer that adds up lengths must start anew at
        ``offset`` after each call.
        """
        if self._skipping:
            self._skip(room)
            return ()
        room = min(room, LONGEST_LINE)
        data = self._at(self.offset, room)
        end = data.rfind(b"\n") + 1
        if not end and len(data) == room < LONGEST_LINE:
            data = self._at(self.offset, LONGEST_LINE)
            end = data.find(b"\n") + 1
        if not end and (len(data) == LONGEST_LINE or finished):
            end = len(data)
            self._skipping = bool(data)
        lines = tuple(io.BytesIO(data[:end]))
        if not finished and not self._skipping:
            lines = lines[: whole(lines)]
            end = sum(map(len, lines))
        self.offset += end
        self._recent = (self._recent + data[max(0, end - _RECENT) : end])[-_RECENT:]
        return lines

    def replaced(self) -> bool:
        """Whether what was read is no longer there: the file was cut, or cut and written anew. Ask after reading:
        lines read before a True may be of another content."""
        if self._unpacked is not None:
            return False
        found = os.fstat(self._fd)
        if found.st_size < self.offset or os.pread(self._fd, len(self._head), 0) != self._head:
            return True
        self.changed = found.st_mtime_ns
        return False

    def mark(self) -> Mark:
        """Where reading stands."""
        return Mark(self.generation, self._head, self.offset, self._recent)

    def rewind(self, mark: Mark) -> None:
        """Forget what was read after the mark."""
        self.offset, self._recent, self.skipped = mark.offset, mark.recent, 0

    def copies(self, mark: Mark) -> bool:
        """Whether this identified file is the one of the mark, or a copy of it, perhaps one that was made before the
        last lines up to the mark came."""
        if self._head != mark.head:
            return False
        return self.reach(mark.offset) < mark.offset or self.continues(mark)

    def continues(self, mark: Mark) -> bool:
        """Whether reading can go on here from the mark."""
        size = len(mark.recent)
        return self._head == mark.head and self._at(mark.offset - size, size) == mark.recent

    def reach(self, offset: int) -> int:
        """The offset, or the file's length where that is less."""
        if self._unpacked is None:
            return min(offset, os.fstat(self._fd).st_size)
        self._at(offset, 0)
        return min(offset, self._unpacked.tell())

    def last_line(self) -> int:
        """The offset behind the last complete line; of a last line that is longer than any that is passed on, its
        end as it is now."""
        size = os.fstat(self._fd).st_size
        begin = max(0, size - LONGEST_LINE)
        end = self._at(begin, size - begin).rfind(b"\n") + 1
        return begin + end if end or not begin else size

    def _skip(self, room: int) -> None:
        while room > 0 and self._skipping and (data := self._at(self.offset, min(room, LONGEST_LINE))):
            end = data.find(b"\n") + 1
            step = end or len(data)
            self._skipping = not end
            self._recent = (self._recent + data[max(0, step - _RECENT) : step])[-_RECENT:]
            self.offset += step
            self.skipped += step
            room -= step

    def _at(self, offset: int, size: int) -> bytes:
        if self._unpacked is None:
            return os.pread(self._fd, size, offset)
        parts: list[bytes] = []
        try:
            self._unpacked.seek(offset)
            while size > 0 and (part := self._unpacked.read1(size)):
                parts.append(part)
                size -= len(part)
        except (EOFError, OSError, zlib.error) as error:
            self.broken = str(error)
        return b"".join(parts)


def end_of(path: Path) -> tuple[str, int] | None:
    """Where the next line at a path will begin: the generation, and the offset behind the last complete line. None
    where nothing is there yet that could be told apart from what comes."""
    try:
        with LogFile(path) as file:
            return (file.generation, file.last_line()) if file.identify() else None
    except OSError:
        return None


def generation_of(inode: int, head: bytes) -> str:
    """Name a file's content by where it lies and how it begins."""
    return f"{inode:x}-{hashlib.sha256(head).hexdigest()[:20]}"


def inode_of(generation: str) -> int:
    """The inode in a generation; 0, which no file has, where it is not one of ours."""
    inode = generation.partition("-")[0]
    return int(inode, 16) if re.fullmatch("[0-9a-f]+", inode) else 0


def _head(data: bytes) -> bytes:
    """The leading ``#`` lines and the first other line; nothing while that is incomplete."""
    end = 0
    while end < len(data):
        begin, end = end, data.find(b"\n", end) + 1
        if not end:
            break
        if not data.startswith(b"#", begin):
            return data[:end]
    return data if len(data) == _HEAD else b""


def advice(error: OSError) -> str:
    """What went wrong and what to do, for a person."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "does not exist yet"
        case errno.EACCES | errno.EPERM:
            return "may not be read; give the user that runs Tercio read access to the file and its folder"
        case _:
            return error.strerror or str(error)
