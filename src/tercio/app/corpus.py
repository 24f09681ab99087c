"""Recordings that lie outside this repository, by name: cases may refer to them, and exceptions are tried on them.

A recording's name is its path below the corpus folder; inside an archive, the archive's path and the place in it.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tercio.app.recordings import looked_into
from tercio.products.transports.recorded import ARCHIVES, Recording, Skipped, recordings

MOST_LINES = 250_000
"""Lines of one recording that are taken, at the most."""


class Record(msgspec.Struct, frozen=True):
    """One recording: its name, the sensor that understands it, its lines."""

    name: str
    sensor: str
    lines: tuple[bytes, ...]


class Corpus:
    """A folder of recordings. Archives are unpacked once, into a folder that goes when the corpus is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._unpacked: dict[str, tuple[Recording, ...]] = {}

    def __enter__(self) -> Self:
        self._scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tercio-corpus-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def find(self, name: str) -> Record | None:
        """The recording of this name; of an archive's name, the one recording in it. None where there is none.

        Raises ValueError where the name means several, or nobody knows whose records they are."""
        archive = self._archive(name)
        if archive is None:
            return None
        inside = [each for each in self._in(archive) if self._name(each) == name or archive == name]
        records = [record for each in inside if (record := self._read(each)) is not None]
        if len(records) > 1:
            raise ValueError(f"{name} holds {len(records)} recordings; name one of them")
        if inside and not records:
            raise ValueError(f"{name}: no sensor knows its records")
        return records[0] if records else None

    def everything(self) -> Iterator[Record]:
        """All recordings that a sensor understands, by name."""
        paths = sorted(path for path in self._folder.rglob("*") if path.is_file() and not path.is_symlink())
        for path in paths:
            for each in self._in(str(path.relative_to(self._folder))):
                if (record := self._read(each)) is not None:
                    yield record

    def _archive(self, name: str) -> str | None:
        """The file below the folder that a name is, or lies in; None for one that is not there, or leads outside."""
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts:
            raise ValueError(f"{name} leads out of the folder of recordings")
        for count in range(1, len(parts) + 1):
            path = self._folder.joinpath(*parts[:count])
            if path.is_file() and (count == len(parts) or path.name.lower().endswith(ARCHIVES)):
                return str(Path(*parts[:count]))
        return None

    def _in(self, file: str) -> tuple[Recording, ...]:
        if file not in self._unpacked:
            scratch = self._scratch / str(len(self._unpacked))
            scratch.mkdir()
            found = recordings([self._folder / file], scratch)
            self._unpacked[file] = tuple(each for each in found if not isinstance(each, Skipped))
        return self._unpacked[file]

    def _name(self, recording: Recording) -> str:
        return str(Path(recording.name).relative_to(self._folder))

    def _read(self, recording: Recording) -> Record | None:
        found = looked_into(recording)
        if isinstance(found, Skipped):
            return None
        lines = []
        for line in recording.lines():
            lines.append(line)
            if len(lines) == MOST_LINES:
                break
        return Record(self._name(recording), found.sensor, tuple(lines))
