"""The archive's process: follows the same files as the loop by its own offsets, and keeps every line in the store.

What the store holds is the truth of how far it got: it is asked at the start, and again after each failure. So nothing
is written down beside it, and whatever dies, nothing is lost or kept twice.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tercio.app.filing import filer
from tercio.model.events import Batch
from tercio.products.sensors import Sensor
from tercio.products.transports.log import log
from tercio.products.transports.logfile import Loss
from tercio.products.transports.tail import Tail
from tercio.products.transports.unread import Unread
from tercio.store.events import Events, EventsSilent, Line, Lost

MOST_LINES, MOST_BYTES = 10_000, 16 << 20
"""What is written at once at the most, about."""

TICK = 1.0
"""Seconds after which lines are looked for, and written though they are few: nobody waits for them."""

AT_ONCE = 4 << 20
"""Bytes read from one source at a time."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two tries while the store does not answer: doubled each time."""

START = 4.0
"""Until the pause is so long, a store that never answered yet is starting, and no trouble."""

MOST_GENERATIONS = 64
"""Files of one source whose ends are remembered: as many as can still be read again."""


class Followed(msgspec.Struct, frozen=True):
    """One source: what its lines are, where they lie, and whether a first start reads all that is there already."""

    sensor: Sensor
    path: Path
    from_start: bool


class Setup(msgspec.Struct, frozen=True):
    """What the archive is given: its sources by name, how to reach the store, and how long lines are kept there
    (microseconds)."""

    sources: Mapping[str, Followed]
    connect: Callable[[], Events]
    keep: int


def run(setup: Setup) -> None:
    """Archive until SIGTERM or SIGINT. Raises OSError where files can't be followed."""
    archivist = Archivist(setup)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, archivist.stop)
    archivist.live()


class Archivist:
    """Reads while the store takes what was read; waits with its files open while it does not."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._stopped = threading.Event()
        self._store: Events | None = None
        self._sources: dict[str, _Source] = {}
        self._lines: list[Line] = []
        self._size = 0
        self._begun: list[tuple[str, str, int, int]] = []
        self._lost: list[Lost] = []
        self._trouble = ""

    def stop(self, *_: Any) -> None:
        """End soon: what was read is written, if the store takes it at once."""
        self._stopped.set()

    def live(self) -> None:
        """Read and write until told to stop."""
        pause = FIRST_PAUSE
        try:
            while not self._stopped.is_set():
                try:
                    if self._store is None:
                        self._meet()
                    self._turn()
                    pause = FIRST_PAUSE
                except EventsSilent as error:
                    self._fail(str(error), told=bool(self._sources) or pause >= START)
                    self._wait(pause)
                    pause = min(LONGEST_PAUSE, pause * 2)
            with contextlib.suppress(EventsSilent):
                self._write()
        finally:
            for source in self._sources.values():
                source.tail.close()

    def _meet(self) -> None:
        """Connect, and learn how far the store got: then go on from there. Of what was read already, what the store
        has is let go."""
        store = self._setup.connect()
        routes = [field for followed in self._setup.sources.values() for field in followed.sensor.log_source.routes]
        store.prepare(routes, self._setup.keep)
        reached = store.reached(self._setup.sources)
        for name, followed in self._setup.sources.items():
            if name in self._sources:
                self._sources[name].learn(reached[name])
            else:
                self._sources[name] = _Source(name, followed, reached[name])
        self._take_up([line for line in self._lines if self._sources[line.source].wants(line)])
        self._store = store

    def _turn(self) -> None:
        """Read what there is, and write it: when that was all, or enough."""
        now = _now()
        for name, source in tuple(self._sources.items()):
            if not self._full:
                self._read(source, now)
                self._sources[name] = self._sources.pop(name)  # Whose turn it was comes last the next time.
            self._note(name, source.missed())
        behind = any(source.tail.behind for source in self._sources.values())
        if self._full or not behind:
            waited = len(self._lines)
            self._write()
            if self._trouble:
                log("archive", f"the store takes lines again; {waited:,} had waited, and their files go on")
            self._trouble = ""
        if not self._full and not behind:
            self._stopped.wait(TICK)

    @property
    def _full(self) -> bool:
        return len(self._lines) >= MOST_LINES or self._size >= MOST_BYTES

    def _read(self, source: "_Source", now: int) -> None:
        for batch in source.tail.read(now, AT_ONCE):
            if source.fresh:
                self._begun.append((source.name, batch.generation, batch.offset, now))
                source.fresh = False
            lines = source.lines(batch)
            self._lines += lines
            self._size += sum(len(line.raw) for line in lines)
        self._note(source.name, source.tail.losses())
        if source.tail.trouble != source.trouble:
            source.trouble = source.tail.trouble
            if source.trouble:
                log(source.name, source.trouble)

    def _write(self) -> None:
        if self._store is None:
            return
        while self._begun:
            self._store.begin(*self._begun[0])
            del self._begun[0]
        self._store.write(self._lines)
        for line in self._lines:
            self._sources[line.source].wrote(line)
        self._take_up([])
        self._store.report(self._lost)
        self._lost = []

    def _take_up(self, lines: list[Line]) -> None:
        """Hold these lines, and no others, until they are written."""
        self._lines, self._size = lines, sum(len(line.raw) for line in lines)

    def _fail(self, trouble: str, *, told: bool = True) -> None:
        if told and trouble != self._trouble:
            log("archive", f"{trouble}; meanwhile nothing is kept of the past, and files wait to be read")
        self._trouble = trouble if told else ""
        if self._store is not None:
            self._store.close()
        self._store = None

    def _wait(self, seconds: float) -> None:
        """Wait for the next try; see meanwhile what rotation takes away unread."""
        until = time.monotonic() + seconds
        while not self._stopped.is_set() and (left := until - time.monotonic()) > 0:
            for source in self._sources.values():
                self._note(source.name, source.missed())
            self._stopped.wait(min(left, TICK))

    def _note(self, source: str, losses: tuple[Loss, ...]) -> None:
        for loss in losses:
            log(source, f"{loss.words} (times: {loss.times}, bytes: {loss.size})")
            self._lost.append(Lost(source, _now(), loss.times, loss.size, loss.words))


class _Source:
    """One followed source: how far it was read, and how far the store has it."""

    def __init__(self, name: str, followed: Followed, reached: Mapping[str, tuple[int, int]]) -> None:
        self.name = name
        self._file = filer(followed.sensor)
        self._ends: dict[str, int] = {}
        self.trouble = ""
        self.learn(reached)
        generation, (end, since) = list(reached.items())[-1] if reached else ("", (0, _now()))
        self.fresh = not reached
        self.tail = Tail(
            name,
            followed.path,
            (generation, end) if reached else None,
            since,
            from_end=not followed.from_start,
            whole=followed.sensor.whole,
        )
        self._unread = Unread(name, followed.path)

    def learn(self, reached: Mapping[str, tuple[int, int]]) -> None:
        """Take the store's word on how far it got."""
        self._ends.update({generation: end for generation, (end, _) in reached.items()})

    def lines(self, batch: Batch) -> list[Line]:
        """What of a batch the store does not have yet."""
        self._ends.setdefault(batch.generation, 0)
        while len(self._ends) > MOST_GENERATIONS:
            del self._ends[next(iter(self._ends))]
        return list(filter(self.wants, self._file(batch)))

    def wants(self, line: Line) -> bool:
        """Whether the store does not have this line."""
        return line.offset >= self._ends.get(line.generation, 0)

    def wrote(self, line: Line) -> None:
        """The store has this line now."""
        self._ends[line.generation] = line.offset + len(line.raw)

    def missed(self) -> tuple[Loss, ...]:
        """What rotation took away unread."""
        return self._unread.look(self._ends)


def _now() -> int:
    return time.time_ns() // 1000
