"""Recorded telemetry as it lies in files: what is in a path, unpacked where it must be, line by line.

Whole files and archives of any size are read in bounded memory. What can't be read is said, and the rest is read.
"""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, cast

import msgspec

from tercio.products.transports.eventlog import EventLog
from tercio.products.transports.tape import ended

LONGEST_LINE = 4 << 20
"""Bytes of one line that are passed on; the rest of a longer line is skipped."""

MOST_FILES = 100_000
MOST_UNPACKED = 64 << 30
"""Files, and bytes unpacked from archives: what is beyond is not read, and said."""

MOST_DAMAGED = 10_000
"""Records in a row of an event log that can't be read: then the rest of the file is given up."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
"""How files are called that are unpacked."""

_PACKED: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": lambda path: cast("IO[bytes]", gzip.GzipFile(path)),
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}
_EVTX = b"ElfFile\x00"
_CAPTURES = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a")
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, ValueError)
"""What the readers raise on damaged files."""


class Skipped(msgspec.Struct, frozen=True):
    """A file that is not read, and why: what to do instead, where something can be done."""

    name: str
    why: str


class Recording:
    """One file of records. ``name`` is for people: its path, and behind it the place in its archive; ``trouble`` says
    after reading what of it could not be read (empty: nothing)."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.trouble = ""

    def lines(self) -> Iterator[bytes]:
        """Its lines, each with its newline; of an event log (EVTX) each record as one line of JSON.

        Never raises on a damaged file: what was there is given, and ``trouble`` says the rest.
        """
        try:
            with self.path.open("rb") as file:
                begin = file.read(8)
            if begin == _EVTX:
                yield from self._records()
                return
            unpack = next((way for magic, way in _PACKED.items() if begin.startswith(magic)), None)
            with unpack(self.path) if unpack is not None else self.path.open("rb") as file:
                yield from self._split(file)
        except _BROKEN as error:
            self.trouble = f"it breaks off: {_words(error)}"

    def _split(self, file: IO[bytes]) -> Iterator[bytes]:
        cut = 0
        while line := file.readline(LONGEST_LINE):
            rest = line
            while not rest.endswith(b"\n") and (rest := file.readline(LONGEST_LINE)):
                cut += 1
            yield line if line.endswith(b"\n") else line + b"\n"
        if cut:
            self.trouble = f"lines over {LONGEST_LINE} bytes are cut"

    def _records(self) -> Iterator[bytes]:
        log = EventLog(self.path)
        damaged = row = 0
        while row < MOST_DAMAGED:
            try:
                record = log.next()
            except RuntimeError:  # What evtx raises for one record; the next may be whole.
                damaged, row = damaged + 1, row + 1
                continue
            if record is None:
                break
            row = 0
            yield record + b"\n"
        if log.hidden:
            self.trouble = f"{log.hidden} parts of it lead in circles, and are left out with all their records"
        elif damaged:
            self.trouble = f"{damaged} records are damaged"


def recordings(paths: Iterable[Path], folder: Path) -> Iterator[Recording | Skipped]:
    """The files at these paths: folders are gone through by name, links in them are not followed, archives (zip, tar)
    are unpacked into ``folder``, under names of ours. An archive in an archive is not opened."""
    room = MOST_UNPACKED
    for number, (name, path) in enumerate(_files(paths)):
        if number >= MOST_FILES:
            yield Skipped(name, f"{MOST_FILES:,} files are the most; name fewer folders")
            return
        if not path.name.lower().endswith(ARCHIVES):
            yield _looked_at(name, path)
            continue
        try:
            members = _unpacked(name, path, folder / str(number), room)
            for inner, place in members:
                if place is None:
                    yield Skipped(inner, f"more than {MOST_UNPACKED >> 30} GB unpacked; unpack it and name its folder")
                    break
                room -= place.stat().st_size
                yield _looked_at(inner, place)
        except (*_BROKEN, RuntimeError, NotImplementedError) as error:
            yield Skipped(name, f"this archive can't be read to its end: {_words(error)}")


def _files(paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for path in paths:
        if not path.is_dir():
            yield str(path), path
            continue
        for inner in sorted(path.rglob("*")):
            if inner.is_file() and not inner.is_symlink():
                yield str(inner), inner


def _looked_at(name: str, path: Path) -> Recording | Skipped:
    try:
        with path.open("rb") as file:
            begin = file.read(8)
    except OSError as error:
        return Skipped(name, f"{error.strerror}")
    if begin.startswith(_CAPTURES):
        return Skipped(name, "packets: let Suricata read them (suricata -r FILE -l FOLDER) and replay its eve.json")
    if not begin:
        return Skipped(name, "it is empty")
    if name.lower().endswith(ARCHIVES):
        return Skipped(name, "an archive in an archive; unpack it first")
    return Recording(name, path)


def _unpacked(name: str, path: Path, folder: Path, room: int) -> Iterator[tuple[str, Path | None]]:
    """The members of an archive, each as a file; None in place of one for which there is no room."""
    folder.mkdir()
    for number, (inner, member) in enumerate(_members(path)):
        place = folder / str(number)
        with member, place.open("wb") as target:
            while part := member.read(1 << 20):
                room -= len(part)
                if room < 0:
                    yield f"{name}/{inner}", None
                    return
                target.write(part)
        yield f"{name}/{inner}", place


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename, archive.open(entry)
        return
    with _tape(path) as tape:
        for member in tape:
            file = tape.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file
        ended(tape)


def _tape(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r|*")
    except TypeError as error:  # What tarfile raises where a gzip header ends too soon.
        raise tarfile.ReadError("its beginning is cut off") from error


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
