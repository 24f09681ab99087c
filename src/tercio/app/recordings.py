"""Recorded files as the loop would have read them: by whose records they are, in the order of their times."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from tercio.model.events import Event
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
    """Lines of one file: where they begin in it, and the latest time that was seen among them."""

    found: Found
    offset: int
    lines: tuple[bytes, ...]
    begins: int
    latest: int


def looked_into(recording: Recording) -> Found | Skipped:
    """Whose records a file holds."""
    lines = tuple(islice(recording.lines(), LOOKED_AT))
    sensor = recognised(lines)
    if not sensor:
        why = recording.trouble or f"no sensor knows its records; known are {', '.join(SENSORS)}"
        return Skipped(recording.name, why)
    begins, _ = _times(sensor, lines, every=1) or (0, 0)
    return Found(recording, sensor, begins)


def merged(files: Iterable[Found]) -> Iterator[Piece]:
    """All lines of these files, those first that begin first: as if all had been followed at once."""
    waiting = sorted(files, key=lambda found: (found.begins, found.recording.name), reverse=True)
    heap: list[tuple[int, int, Piece, Iterator[Piece]]] = []
    number = 0
    while waiting or heap:
        while waiting and len(heap) < MOST_OPEN and (not heap or waiting[-1].begins <= heap[0][0]):
            number += 1
            _push(heap, number, _pieces(waiting.pop()))
        if heap:
            _, place, piece, rest = heapq.heappop(heap)
            yield piece
            _push(heap, place, rest)


def _push(heap: list[tuple[int, int, Piece, Iterator[Piece]]], number: int, pieces: Iterator[Piece]) -> None:
    piece = next(pieces, None)
    if piece is not None:
        heapq.heappush(heap, (piece.begins, number, piece, pieces))


def _pieces(found: Found) -> Iterator[Piece]:
    sensor = SENSORS[found.sensor]
    held: list[bytes] = []
    size = offset = 0
    latest = found.begins

    def piece(count: int) -> Piece:
        nonlocal held, offset, latest, size
        lines, held = tuple(held[:count]), held[count:]
        begins, last = _times(found.sensor, lines) or (latest, latest)
        made = Piece(found, offset, lines, begins, last)
        length = sum(map(len, lines))
        offset, size, latest = offset + length, size - length, max(latest, last)
        return made

    for line in found.recording.lines():
        held.append(line)
        size += len(line)
        if (len(held) >= LINES or size >= BYTES) and (count := sensor.whole(held)):
            yield piece(count)
    if held:
        yield piece(len(held))


def _times(sensor: str, lines: tuple[bytes, ...], every: int = LOOKED_FOR) -> tuple[int, int] | None:
    """The time of the first line that has one, and the latest of the lines asked."""
    asked = dict.fromkeys([*range(0, len(lines), every), len(lines) - 1]) if lines else {}
    parsed = (SENSORS[sensor].parse(sensor, "", place, lines[place], 0) for place in asked)
    times = [event.time for event in parsed if isinstance(event, Event)]
    return (times[0], max(times)) if times else None
