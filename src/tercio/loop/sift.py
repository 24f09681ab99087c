"""From lines to what is worth looking at, each record by itself: no memory, so that any process may do it. Pure.

Malformed input never stops a stream: a record over which a sensor or a rule fails is found by halves, left out and kept
as not understood; else it would be read again after each restart, for ever.
"""

import hashlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import PurePath
from traceback import walk_tb

import msgspec

from tercio.loop.state import Content
from tercio.model.canon import canonical
from tercio.model.events import Batch, Failed, Match, Unparsed
from tercio.model.sifted import Seen, Sifted
from tercio.products.sensors import Sensor


def sift(content: Content, batch: Batch) -> tuple[Sifted, ...]:
    """What a batch came to, in one part, or in several around records over which it fails. Never raises."""
    return tuple(_parted(content, batch))


def sight(content: Content) -> str:
    """The digest of all that sifting depends on: code, rules, and what each source's sensor says of itself."""
    sensors = {name: sensor.log_source for name, sensor in content.sensors.items()}
    return hashlib.sha256(canonical([content.basis.code, content.basis.rules, sensors])).hexdigest()


def failure(error: Exception) -> str:
    """What is told of an error: its class and its place, since its words may be anybody's."""
    code = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    place = f" at {PurePath(code[-1][0]).name}:{code[-1][1]}" if code else ""
    return f"Tercio failed on it: {type(error).__name__}{place}"


def _parted(content: Content, batch: Batch) -> Iterator[Sifted]:
    try:
        yield _sifted(content, batch)
    except Exception as error:  # noqa: BLE001 (whatever a record did: it is found, told and kept)
        parts = _halves(content.sensors[batch.source], batch)
        for part in parts:
            yield from _parted(content, part)
        if not parts:
            why, raw = failure(error), b"".join(batch.lines)
            unparsed = Unparsed(batch.source, batch.generation, batch.offset, raw, why)
            yield Sifted(
                *(batch.source, batch.generation, batch.offset, batch.end, batch.received), (), (unparsed,), why
            )


def _sifted(content: Content, batch: Batch) -> Sifted:
    """Worth parsing is a line that a rule matched, that its sensor observes, or that is not even the shape of a
    record."""
    sensor = content.sensors[batch.source]
    lines, shaped = sensor.records(batch.lines)
    matches: dict[int, list[Match]] = {}
    failed: dict[int, list[Failed]] = {}
    for found in content.detector.match(msgspec.structs.replace(batch, lines=shaped)):
        if isinstance(found, Failed):
            failed.setdefault(found.index, []).append(found)
        else:
            matches.setdefault(found.index, []).append(found)
    seen, unparsed, offset = [], [], batch.offset
    for index, line in enumerate(lines):
        if index in matches or index in failed or sensor.observes(line) or not _shaped(shaped[index]):
            parsed = sensor.parse(batch.source, batch.generation, offset, line, batch.received)
            if isinstance(parsed, Unparsed):
                unparsed.append(parsed)
            else:
                seen.append(Seen(parsed, line, tuple(matches.get(index, ())), tuple(failed.get(index, ()))))
        offset += len(line)
    return Sifted(
        *(batch.source, batch.generation, batch.offset, offset, batch.received, tuple(seen), tuple(unparsed)),
        latest=_latest(sensor, batch, offset, lines) if content.rules.judged_at_end and lines else 0,
    )


def _latest(sensor: Sensor, batch: Batch, end: int, lines: Sequence[bytes]) -> int:
    """The time that a batch's last record bears, 0 where it bears none: what is heard of a source ends windows."""
    last = sensor.parse(batch.source, batch.generation, end - len(lines[-1]), lines[-1], batch.received)
    return 0 if isinstance(last, Unparsed) else last.time


def _shaped(line: bytes) -> bool:
    """Whether a record begins and ends as a JSON object does: one that was cut off, or grew together, does not, and
    neither does what its sensor can give no shape."""
    return line.startswith(b"{") and line.endswith((b"}\n", b"}\r\n"))


def _halves(sensor: Sensor, batch: Batch) -> tuple[Batch, ...]:
    """Two parts of a batch, one after the other; none where it is one record alone. A record of several lines stays
    whole."""
    records = _records(sensor, batch)
    if len(records) < 2:
        return ()
    middle = len(records) // 2
    first = _of(batch, batch.offset, records[:middle])
    return first, _of(batch, first.end, records[middle:])


def _records(sensor: Sensor, batch: Batch) -> Sequence[bytes]:
    """The batch's records; its lines where the sensor itself fails on them."""
    try:
        return sensor.records(batch.lines)[0]
    except Exception:  # noqa: BLE001 (whatever it is, sifting has failed on it and says so)
        return batch.lines


def _of(batch: Batch, offset: int, records: Sequence[bytes]) -> Batch:
    lines = tuple(line for record in records for line in BytesIO(record))
    return Batch(batch.source, batch.generation, offset, lines, batch.received)
