"""From lines to what the archive keeps of them: of each record only what it is filed under is read."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from tercio.brain.detect.fields import FieldReader
from tercio.brain.detect.ir import fold, text_of
from tercio.model.events import Batch, Event
from tercio.products.sensors import Sensor
from tercio.store.events import Line

_TIME, _HOST = "(time)", "(host)"
"""What the reader calls these two: no field of a record has such a name."""

_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_STRANGE = (ValueError, OverflowError, AttributeError, TypeError)


def filer(sensor: Sensor) -> Callable[[Batch], Iterator[Line]]:
    """What makes lines to keep of a sensor's batches. It never raises: what is no record of the sensor's kind is kept,
    too, filed under the time at which it was received and no host."""
    source, short = sensor.log_source, sensor.filing
    places = {_TIME: short.time, _HOST: short.host} if short is not None else {}
    reader = FieldReader((*source.routes, *places), lambda field: places.get(field) or source.places(field))
    count = len(source.routes)
    name = lru_cache(maxsize=4096)(short.name) if short is not None else str

    def read(raw: bytes, shaped: bytes, received: int) -> tuple[int, str, dict[str, str]]:
        """When it happened, whose it is, and its routing fields."""
        try:
            values = reader.read(shaped)
        except _BROKEN:
            return (*_parsed(sensor, raw, received), {})
        routes = dict(zip(source.routes, map(_folded, values[:count]), strict=True))
        if short is not None:
            try:
                time, host = short.moment(values[count]), name(values[count + 1])
            except _STRANGE:
                time, host = 0, ""
            if host:
                return time, host, routes
        return (*_parsed(sensor, raw, received), routes)

    def file(batch: Batch) -> Iterator[Line]:
        offset = batch.offset
        for raw, shaped in zip(*_records(sensor, batch), strict=True):
            try:
                time, host, routes = read(raw, shaped, batch.received)
            except Exception:  # noqa: BLE001 (the loop says so; here it is kept, or no line behind it ever would be)
                time, host, routes = batch.received, "", {}
            yield Line(batch.source, batch.generation, offset, source.product, host, time, batch.received, raw, routes)
            offset += len(raw)

    return file


def _records(sensor: Sensor, batch: Batch) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """The batch's records, as written and as read; its lines where the sensor itself fails on them."""
    try:
        return sensor.records(batch.lines)
    except Exception:  # noqa: BLE001 (its lines are kept one by one, each as far as it is understood)
        return batch.lines, batch.lines


def _parsed(sensor: Sensor, raw: bytes, received: int) -> tuple[int, str]:
    """The long way."""
    event = sensor.parse("", "", 0, raw, received)
    if not isinstance(event, Event):
        return received, ""
    return event.time, event.host or (event.src.address if event.src is not None else "")


def _folded(value: Any) -> str:
    return _known(value) if isinstance(value, str | int | float) else ""


@lru_cache(maxsize=4096, typed=True)
def _known(value: str | float) -> str:
    return fold(text_of(value) or "")
