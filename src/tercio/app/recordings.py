"""Recorded files as the loop would have read them: by whose records they are, in the order of their times."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from tercio.loop.sift import sift
from tercio.loop.state import Content
from tercio.model.events import Batch, Event
from tercio.model.sifted import Sifted
from tercio.products.sensors import SENSORS
from tercio.products.sensors.recognise import LOOKED_AT, recognised
from tercio.products.transports.recorded import Recording, Skipped

LINES, BYTES = 1000, 4 << 20
"""Lines, or bytes, that are taken at once."""

LOOKED_FOR = 64
"""Of so many lines one is asked for its time."""

MOST_OPEN = 200
"""Files that are read side by side; of more that lie in one span, some are read after the others."""


class Found(msgspec.Struct, frozen=True):
    """A file, the sensor that understands it, and when its records begin (an instant)."""

    recording: Recording
    sensor: str
    begins: int


class Piece(msgspec.Struct, frozen=True):
    """What a stretch of one file came to: how many lines it has, its first time and the latest that was seen in it, and
    what was sifted from it, with no instant of receipt yet (0). ``trouble`` says what of the file could not be read."""

    lines: int
    begins: int
    latest: int
    lots: tuple[Sifted, ...]
    trouble: str = ""


def looked_into(recording: Recording) -> Found | Skipped:
    """Whose records a file holds."""
    lines = tuple(islice(recording.lines(), LOOKED_AT))
    sensor = recognised(lines)
    if not sensor:
        why = recording.trouble or f"no sensor knows its records; known are {', '.join(SENSORS)}"
        return Skipped(recording.name, why)
    begins, _ = _times(sensor, lines, every=1) or (0, 0)
    return Found(recording, sensor, begins)


def merged(files: Iterable[Found], opened: Callable[[Found], Iterator[Piece]]) -> Iterator[tuple[Found, Piece]]:
    """All of these files, piece by piece, those first that begin first: as if all had been followed at once."""
    waiting = sorted(files, key=lambda found: (found.begins, found.recording.name), reverse=True)
    heap: list[tuple[int, int, Found, Piece, Iterator[Piece]]] = []

    def push(number: int, found: Found, pieces: Iterator[Piece]) -> None:
        piece = next(pieces, None)
        if piece is not None:
            heapq.heappush(heap, (piece.begins, number, found, piece, pieces))

    number = 0
    while waiting or heap:
        while waiting and len(heap) < MOST_OPEN and (not heap or waiting[-1].begins <= heap[0][0]):
            number += 1
            push(number, waiting[-1], opened(waiting.pop()))
        if heap:
            _, place, found, piece, rest = heapq.heappop(heap)
            yield found, piece
            push(place, found, rest)


def pieces(content: Content, found: Found) -> Iterator[Piece]:
    """One file, sifted piece by piece."""
    sensor, recording = SENSORS[found.sensor], found.recording
    held: list[bytes] = []
    size = offset = 0
    latest = found.begins

    def piece(count: int) -> Piece:
        nonlocal held, offset, latest, size
        lines, held = tuple(held[:count]), held[count:]
        begins, last = _times(found.sensor, lines) or (latest, latest)
        batch = Batch(found.sensor, recording.name, offset, lines, 0)
        length = batch.end - offset
        offset, size, latest = offset + length, size - length, max(latest, last)
        return Piece(len(lines), begins, last, sift(content, batch), recording.trouble)

    for line in recording.lines():
        held.append(line)
        size += len(line)
        if (len(held) >= LINES or size >= BYTES) and (count := sensor.whole(held)):
            yield piece(count)
    if held or recording.trouble:
        yield piece(len(held))


def _times(sensor: str, lines: tuple[bytes, ...], every: int = LOOKED_FOR) -> tuple[int, int] | None:
    """The time of the first line that has one, and the latest of the lines asked."""
    asked = dict.fromkeys([*range(0, len(lines), every), len(lines) - 1]) if lines else {}
    parsed = (SENSORS[sensor].parse(sensor, "", place, lines[place], 0) for place in asked)
    times = [event.time for event in parsed if isinstance(event, Event)]
    return (times[0], max(times)) if times else None
