"""The part of the loop's shell that reads: what the loop follows itself, and what its workers report.

What is looked at first is read before all else, and of the rest no more at once than keeps an alert from waiting.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tercio.loop.sift import sift, sight
from tercio.loop.state import Content
from tercio.model.events import Batch
from tercio.model.reports import Place
from tercio.model.sifted import Sifted
from tercio.products.transports.following import Following
from tercio.products.transports.logfile import end_of
from tercio.products.transports.reports import Reports
from tercio.products.transports.tail import Tail

SOCKET = "worker.sock"
"""Where workers find their loop, in the state's folder."""

AT_ONCE = 1 << 16
"""Bytes read at once of each source that comes first, and of all others together: what one has piled up must not keep
another's alert waiting. 64 KiB are some 160 records, and 4 ms."""

RECORDS = 160
"""Records of workers' reports that are taken into one turn."""


class Setup(msgspec.Struct, frozen=True):
    """What the shell is given: where state lies, what to follow, whom to order, and the content of the brain. Of the
    sources ``from_start`` a first start reads all that is there already; those in ``bulk`` are looked at after the
    others; those of ``workers`` (by the worker's name) are followed by other processes, which are told the ``day`` (ISO
    8601) by which rules were read."""

    folder: Path
    content: Content
    sources: Mapping[str, Path]
    hands: Mapping[str, Path]
    key: Ed25519PrivateKey
    from_start: frozenset[str] = frozenset()
    bulk: frozenset[str] = frozenset()
    workers: Mapping[str, tuple[str, ...]] = {}
    day: str = ""


class Began(msgspec.Struct, frozen=True):
    """Where reading goes on: what was read of each source (generation, end), when anything was last kept, and the
    sources of which all is read that was not (of others a first start reads what comes from ``now`` on)."""

    offsets: Mapping[str, tuple[str, int]]
    since: int
    whole: frozenset[str]
    now: int


class Sources:
    """All sources of one loop. ``wake`` is called when there may be something to read, ``report`` with what could not
    be read, ``say`` with what is worth a line of the log."""

    def __init__(
        self,
        setup: Setup,
        began: Began,
        *,
        wake: Callable[[], None],
        report: Callable[[str, str], None],
        say: Callable[[str, str], None],
    ) -> None:
        self._content, self._wake, self._report = setup.content, wake, report
        away = {source for sources in setup.workers.values() for source in sources}
        here = {name: self._followed(name, path, began) for name, path in setup.sources.items() if name not in away}
        self._first = [source for name, source in sorted(here.items()) if name not in setup.bulk]
        self._bulk = deque(source for name, source in sorted(here.items()) if name in setup.bulk)
        self._more = False
        places = {name: _place(name, setup.sources[name], began) for name in sorted(away)}
        self._begin = [
            Sifted(name, *place.at, place.at[1], began.now)
            for name, place in places.items()
            if place.at is not None and name not in began.offsets
        ]
        self._socket = setup.folder / SOCKET if away else None
        self._reports = Reports(setup.workers, places.values(), sight(setup.content), setup.day, wake, say)
        self._server: asyncio.Server | None = None

    def _followed(self, name: str, path: Path, began: Began) -> Following:
        at, whole = began.offsets.get(name), self._content.sensors[name].whole
        tail = Tail(name, path, at, began.since, from_end=name not in began.whole, whole=whole)
        return Following(tail)

    @property
    def behind(self) -> bool:
        """Whether there is more to read at once."""
        here = (*self._first, *self._bulk)
        return self._more or self._reports.waiting or any(source.tail.behind for source in here)

    async def listen(self) -> None:
        """Let workers come, where there are any."""
        if self._socket is not None:
            self._server = await self._reports.listen(self._socket)

    def read(self, now: int) -> tuple[Sifted, ...]:
        """What there is for one turn by now (an instant), in the order in which it is to be taken."""
        batches = [batch for source in self._first for batch in self._read(source, now, AT_ONCE)]
        room, self._more = AT_ONCE, False
        for _ in range(len(self._bulk)):
            if room <= 0:
                self._more = True
                break
            found = self._read(self._bulk[0], now, room)
            self._bulk.rotate(-1)
            room -= sum(batch.end - batch.offset for batch in found)
            batches += found
        lots = [*self._begin, *(lot for batch in batches for lot in sift(self._content, batch))]
        self._begin = []
        for report in self._reports.take(RECORDS):
            lots += report.lots
            self._tell(report.source, report.losses)
        return tuple(lots)

    def written(self) -> None:
        """All that was read is in turns that are written."""
        self._reports.written()

    def follow(self, *, on: bool) -> None:
        """Be woken by what files say, or not."""
        loop = asyncio.get_running_loop()
        for source in (*self._first, *self._bulk):
            if on:
                loop.add_reader(source.tail.fileno(), self._wake)
            else:
                loop.remove_reader(source.tail.fileno())

    def close(self) -> None:
        """Let go of all files, and of all workers."""
        if self._server is not None:
            self._server.close()
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)
        for source in (*self._first, *self._bulk):
            source.tail.close()

    def _read(self, source: Following, now: int, room: int) -> tuple[Batch, ...]:
        batches, words = source.read(now, room)
        self._tell(source.source, words)
        return batches

    def _tell(self, source: str, losses: tuple[str, ...]) -> None:
        for words in losses:
            self._report(source, words)


def _place(name: str, path: Path, began: Began) -> Place:
    """Where a worker is to go on. Where reading begins is decided now: what is written before it comes is not lost."""
    at = began.offsets.get(name) or (None if name in began.whole else end_of(path))
    return Place(name, str(path), at, began.since)
