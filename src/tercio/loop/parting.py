"""What to do with records over which a turn failed: take them again in halves, until the one is found and left out.
Pure.

Malformed input never stops a stream. A record that correlation or a later step can't stand would otherwise be read
again after each restart, for ever. What fails sooner, on a record by itself, is left out where it is sifted.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from tercio.loop.sift import failure
from tercio.model.events import Unparsed
from tercio.model.journal import Lost
from tercio.model.sifted import Sifted

Lots = tuple[Sifted, ...]


class Pile:
    """What was read and is not written: ``lots`` for the next turn, ``later`` for those after."""

    def __init__(self) -> None:
        self.lots: Lots = ()
        self.later: list[Lots] = []
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.lots or self.later)

    def take(self, lots: Sequence[Sifted]) -> tuple[Lost, ...]:
        """Take these with the next turn. Returns what must be told of records that were left out of them: each failure
        once, since who sends many records like it must not fill the journal."""
        self.lots += tuple(lots)
        fresh = {lot.failed: lot for lot in reversed(lots) if lot.failed and lot.failed not in self._told}
        self._told |= fresh.keys()
        return tuple(Lost(lot.source, _words(lot)) for lot in reversed(fresh.values()))

    def part(self, error: Exception) -> tuple[Lost, ...] | None:
        """A turn failed on ``lots``: they are taken in halves, and a single record is left out. That is written first,
        alone: a turn that fails without it as well is not that record's fault. Returns what must be told; None where
        there is no record to leave out."""
        if parts := halves(self.lots):
            self.lots = parts[0]
            self.later.insert(0, parts[1])
            return ()
        if len(self.lots) != 1 or not self.lots[0].seen:
            return None
        found, self.lots = refused(self.lots[0], error), ()
        return self.take([found])

    def written(self) -> None:
        """The turn is on disk: go on with what waits."""
        self.lots = self.later.pop(0) if self.later else ()


def halves(lots: Sequence[Sifted]) -> tuple[Lots, Lots] | None:
    """Two parts of what was read, in order, to be taken one after the other; None where there is one record at most.

    Where a sensor puts records of one batch in another order, the first part may end at an offset that is none of its
    file's: only a crash between the two would see it, as one broken line.
    """
    if len(lots) > 1:
        middle = len(lots) // 2
        return tuple(lots[:middle]), tuple(lots[middle:])
    if not lots or lots[0].records < 2:
        return None
    (lot,) = lots
    end = sorted([each.event.offset for each in lot.seen] + [each.offset for each in lot.unparsed])[lot.records // 2]
    return (_between(lot, lot.offset, end),), (_between(lot, end, lot.end),)


def refused(lot: Sifted, error: Exception) -> Sifted:
    """The lot without its one record, which is kept as not understood."""
    (seen,), why = lot.seen, failure(error)
    unparsed = Unparsed(lot.source, lot.generation, seen.event.offset, seen.line, why)
    return replace(lot, seen=(), unparsed=(unparsed,), failed=why)


def _words(lot: Sifted) -> str:
    (left,) = lot.unparsed
    where = f"{left.offset} of {left.generation}"
    return f"not looked at, and kept among what nobody understood: the record at {where}: {lot.failed}"


def _between(lot: Sifted, begin: int, end: int) -> Sifted:
    return replace(
        lot,
        offset=begin,
        end=end,
        latest=lot.latest if end == lot.end else 0,
        seen=tuple(each for each in lot.seen if begin <= each.event.offset < end),
        unparsed=tuple(each for each in lot.unparsed if begin <= each.offset < end),
    )
