"""Rotated files that went away before anybody read them."""

import contextlib
from collections.abc import Collection
from pathlib import Path

from tercio.products.transports.logfile import PACKED, LogFile, Loss
from tercio.products.transports.rotation import Neighbour, neighbours


class Unread:
    """Watches what rotation leaves beside one file, from now on. A file is known by how it begins, so one that is
    packed or moved stays the same."""

    def __init__(self, source: str, path: Path) -> None:
        self._source = source
        self._path = path.absolute()
        self._known: dict[Neighbour, str] = {}
        self._sizes: dict[str, int] = {}
        self._settled = set(self._there() or ())

    def look(self, read: Collection[str]) -> tuple[Loss, ...]:
        """What went away since the last look and was not read: ``read`` are the generations that were, or are being
        read. A folder that can't be looked through now says nothing."""
        there = self._there()
        if there is None:
            return ()
        self._settled |= set(map(_print, read))
        gone = [size for name, size in self._sizes.items() if name not in there and name not in self._settled]
        self._settled &= set(there)
        self._sizes = there
        if not gone:
            return ()
        words = f"{self._source}: {self._path}: not read: files that rotation took away"
        return (Loss("gone", len(gone), sum(gone), words),)

    def _there(self) -> dict[str, int] | None:
        """How the files begin that are there now, and their sizes as far as known."""
        there: dict[str, int] = {}
        try:
            beside = neighbours(self._path)
            self._known = {place: name for place, name in self._known.items() if place in beside}
            for place in beside:
                there.update(self._one(place.path, place))
        except OSError:
            return None
        return there | self._one(self._path, None)

    def _one(self, path: Path, rotated: Neighbour | None) -> dict[str, int]:
        """How a file begins, and its size as far as it is known."""
        name = self._known.get(rotated, "") if rotated else ""
        with contextlib.suppress(OSError):
            if not name:
                with LogFile(path) as file:
                    name = _print(file.generation) if file.identify(finished=rotated is not None) else ""
                if rotated is not None and name:
                    self._known[rotated] = name
            if name:
                packed = path.name.endswith(PACKED)
                return {name: self._sizes.get(name, 0) if packed else path.stat().st_size}
        return {}


def _print(generation: str) -> str:
    """What of a generation says how its file begins."""
    return generation.partition(".")[0].partition("-")[2]
