"""Windows' event log files (EVTX), read by the evtx library, without the chunks on which it would never end.

A file is a head of 4 KB and chunks of 64 KB. Each chunk has two tables of chains: names and templates that were used
before, each with the place of the next. Where a chain leads back into itself, by damage or by design, the library
(0.14.0) follows it for ever, and nothing in this process can stop it. So chains are followed here first.
"""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import evtx

HEAD, CHUNK = 4096, 65536
_CHAINS = struct.Struct("<96I")
_TABLES = 128
"""Where the chains of a chunk begin: 64 of names, then 32 of templates."""
_NEXT = struct.Struct("<I")
_MARK = b"ElfChnk\0"


class EventLog:
    """The records of one event log. ``hidden`` is how many chunks are left out."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            places = frozenset(_endless(file))
        self.hidden = len(places)
        given: Any = _Without(path, places) if places else str(path)
        self._records = evtx.PyEvtxParser(given, number_of_threads=1).records_json()

    def next(self) -> bytes | None:
        """The next record as JSON, None behind the last. Raises RuntimeError for a record that can't be read; the one
        after it may be whole."""
        record = next(self._records, None)
        return None if record is None else record["data"].encode("utf-8", "replace")


def _endless(file: io.BufferedReader) -> Iterator[int]:
    """The places of chunks with a chain that does not end."""
    place = HEAD
    file.seek(place)
    while chunk := file.read(CHUNK):
        if len(chunk) == CHUNK and chunk.startswith(_MARK) and not ends(chunk):
            yield place
        place += len(chunk)


def ends(chunk: bytes) -> bool:
    """Whether every chain of a chunk comes to an end, if only by leading out of it."""
    for begin in _CHAINS.unpack_from(chunk, _TABLES):
        seen: set[int] = set()
        place = begin
        while 0 < place <= len(chunk) - _NEXT.size:
            if place in seen:
                return False
            seen.add(place)
            place = _NEXT.unpack_from(chunk, place)[0]
    return True


class _Without(io.RawIOBase):
    """A file in which the marks of some chunks read as zeros, so that a reader passes over them."""

    def __init__(self, path: Path, places: frozenset[int]) -> None:
        self._file = path.open("rb")
        self._places = places

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        begin = self._file.tell()
        data = bytearray(self._file.read(size))
        for place in self._places:
            for at in range(max(place, begin), min(place + len(_MARK), begin + len(data))):
                data[at - begin] = 0
        return bytes(data)

    def close(self) -> None:
        self._file.close()
        super().close()
