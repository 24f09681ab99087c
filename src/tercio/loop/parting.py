"""What to do with lines over which a turn failed: take them again in halves, until the one is found and left out. Pure.

Malformed input never stops a stream. A line that a sensor, a rule or a later step can't stand would otherwise be read
again after each restart, for ever.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from traceback import walk_tb

from tercio.loop.state import Refused
from tercio.model.events import Batch
from tercio.model.journal import Lost
from tercio.products.sensors import Sensor

Batches = tuple[Batch, ...]


class Pile:
    """What was read and is not written: ``batches`` for the next turn, ``later`` for those after, and ``refused``."""

    def __init__(self) -> None:
        self.batches: Batches = ()
        self.later: list[Batches] = []
        self.refused: tuple[Refused, ...] = ()
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.batches or self.later or self.refused)

    def part(self, sensors: Mapping[str, Sensor], error: Exception) -> tuple[Lost, ...]:
        """A turn failed on ``batches``: they are taken in halves, and a single record is refused. That is written
        first, alone: a turn that fails without it as well is not that record's fault. Returns what must be told: each
        failure once, since who sends many records like it must not fill the journal."""
        parts = halves(sensors, self.batches)
        if parts is not None:
            self.batches = parts[0]
            self.later.insert(0, parts[1])
            return ()
        found = tuple(refused(batch, error) for batch in self.batches)
        self.batches, self.refused = (), self.refused + found
        fresh = [each for each in found if each.reason not in self._told]
        self._told.update(each.reason for each in found)
        return tuple(Lost(each.batch.source, _words(each)) for each in fresh)

    def written(self) -> None:
        """The turn is on disk: go on with what waits."""
        self.batches, self.refused = self.later.pop(0) if self.later else (), ()


def halves(sensors: Mapping[str, Sensor], batches: Sequence[Batch]) -> tuple[Batches, Batches] | None:
    """Two parts of what was read, in order, to be taken one after the other; None where it is one record alone.

    A record of several lines stays whole. Where a sensor puts records of one batch in another order, the first part
    may end at an offset that is none of its file's: only a crash between the two would see it, as one broken line.
    """
    if len(batches) > 1:
        middle = len(batches) // 2
        return tuple(batches[:middle]), tuple(batches[middle:])
    records = [record for batch in batches for record in _records(sensors[batch.source], batch)]
    if len(records) < 2:
        return None
    (batch,), middle = batches, len(records) // 2
    first = _of(batch, batch.offset, records[:middle])
    return (first,), (_of(batch, first.end, records[middle:]),)


def refused(batch: Batch, error: Exception) -> Refused:
    """What is kept of the record that was found. Of the error its class and its place: its words may be anybody's."""
    code = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    place = f" at {PurePath(code[-1][0]).name}:{code[-1][1]}" if code else ""
    return Refused(batch, f"the loop failed on it: {type(error).__name__}{place}")


def _words(found: Refused) -> str:
    where = f"{found.batch.offset} of {found.batch.generation}"
    return f"not looked at, and kept among what nobody understood: the record at {where}: {found.reason}"


def _records(sensor: Sensor, batch: Batch) -> Sequence[bytes]:
    """The batch's records; its lines where the sensor itself fails on them."""
    try:
        return sensor.records(batch.lines)[0]
    except Exception:  # noqa: BLE001 (whatever it is, the turn has failed on it and says so)
        return batch.lines


def _of(batch: Batch, offset: int, records: Sequence[bytes]) -> Batch:
    lines = tuple(line + b"\n" for record in records for line in record.removesuffix(b"\n").split(b"\n"))
    return Batch(batch.source, batch.generation, offset, lines, batch.received)
