"""What rotation leaves beside a log file: which files, in which order, opened without mistaking one for another."""

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tercio.products.transports.logfile import PACKED, LogFile

_LOOKS = 8

Order = tuple[int, str, int]
"""Sorts what rotation left, oldest first: last write (nanoseconds), date in the name, minus the number in the name."""


class Neighbour(msgspec.Struct, frozen=True):
    """A file beside the followed one."""

    order: Order
    inode: int
    path: Path


def neighbours(path: Path) -> tuple[Neighbour, ...]:
    """What rotation left of ``path`` (``.1``, ``.2.gz``, ``-20260131``, ``name-20260131.json``), oldest first.

    Looked at until two looks agree, because a rotation in progress may hide a file from one. Raises OSError; ESTALE
    where no two agree.
    """
    last = _look(path)
    for _ in range(_LOOKS):
        again = _look(path)
        if unmoved(again, last):
            return again
        last = again
    raise rotating(path)


def unmoved(now: tuple[Neighbour, ...], before: tuple[Neighbour, ...]) -> bool:
    """Whether the same files lie under the same names."""
    return {(n.path, n.inode) for n in now} == {(n.path, n.inode) for n in before}


def with_inode(path: Path, inode: int) -> Neighbour | None:
    """A file of that inode in the folders where ``path`` is, whatever its name. Raises OSError."""
    for folder in folders(path):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.inode() == inode:
                    return Neighbour((0, "", 0), inode, Path(entry.path))
    return None


def folders(path: Path) -> tuple[Path, ...]:
    """The folder of the path, and of the file that it points to where it is a symbolic link."""
    return (path.parent, Path(os.path.realpath(path)).parent) if path.is_symlink() else (path.parent,)


def opened(
    path: Path, places: Iterable[Neighbour], refused: Callable[[Neighbour, OSError], None] | None = None
) -> Iterator[LogFile]:
    """Open one file after the other; those beside ``path`` that may not be read are passed over, told to ``refused``.

    Raises OSError: ESTALE where a rotation came in between (look again), and whatever keeps ``path`` itself from
    being opened.
    """
    for place in places:
        try:
            file = LogFile(place.path)
        except FileNotFoundError as error:
            raise rotating(path) from error
        except OSError as error:
            if place.path == path:
                raise
            if refused is not None:
                refused(place, error)
            continue
        if file.inode != place.inode:
            file.close()
            raise rotating(path)
        yield file


def rotating(path: Path) -> OSError:
    """The error that says: a rotation is in progress, look again."""
    return OSError(errno.ESTALE, "Rotation in progress", str(path))


def _look(path: Path) -> tuple[Neighbour, ...]:
    found: dict[str, Neighbour] = {}
    for folder in folders(path):
        name = re.escape(path.name)
        dated = rf"{re.escape(path.stem)}-(?P<date>\d{{8}}[0-9T_-]*){re.escape(path.suffix)}"
        pattern = re.compile(rf"(?:{name}[.-](?P<rest>\d[0-9T:_-]*)|{dated})(?:\.gz)?")
        with os.scandir(folder) as entries:
            for entry in entries:
                match = pattern.fullmatch(entry.name)
                if match is None:
                    continue
                try:
                    about = entry.stat()
                except FileNotFoundError:
                    continue
                rest = match["rest"] or match["date"]
                numbered = rest.isdecimal() and len(rest) < 8
                order = (about.st_mtime_ns, "", -int(rest)) if numbered else (about.st_mtime_ns, rest, 0)
                found[entry.path] = Neighbour(order, about.st_ino, Path(entry.path))
    whole = [n for at, n in found.items() if not (at.endswith(PACKED) and at.removesuffix(PACKED) in found)]
    return tuple(sorted(whole, key=lambda n: (n.order, str(n.path))))
