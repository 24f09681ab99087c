"""What a sensor is: one kind of source, as pure functions over its raw lines."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tercio.model.events import Event, LogSource, Unparsed

Lines = tuple[bytes, ...]


class Filing(NamedTuple):
    """A short way to what a record is filed under, where it is JSON as it was written: the dotted paths of its time and
    of its host, the first that is there counts; ``moment`` reads the one as an instant, ``name`` the other as an event
    has it. Both raise ValueError or OverflowError for what they do not understand, and then ``parse`` is asked. Where
    ``parse`` makes an event of the record, both ways say the same."""

    time: tuple[str, ...]
    host: tuple[str, ...]
    moment: Callable[[str], int]
    name: Callable[[str], str]


class Sensor(NamedTuple):
    """One kind of source. ``parse(source, generation, offset, raw, received)`` makes an event of a record, or says why
    it cannot; ``observes(raw)`` says cheaply whether the record tells of the process or of traffic (a reading, a
    witness, a contradiction), so that it is worth parsing though no rule cites it.

    Where lines are no JSON objects, or several are one record, ``reshape(lines)`` gives two rows of equal length: the
    records as they were written (one after the other they have the lines' bytes), and each as one line of JSON, as
    ``log_source`` describes it, or nothing where it is none. ``whole(lines)`` says how many of the lines, from the
    first, are records that nothing more will be added to; the rest is read again with what follows.
    """

    log_source: LogSource
    parse: Callable[[str, str, int, bytes, int], Event | Unparsed]
    observes: Callable[[bytes], bool]
    reshape: Callable[[Sequence[bytes]], tuple[Lines, Lines]] | None = None
    whole: Callable[[Sequence[bytes]], int] = len
    filing: Filing | None = None

    def records(self, lines: Lines) -> tuple[Lines, Lines]:
        """The records in these lines, as they were written and as detection reads them."""
        return (lines, lines) if self.reshape is None else self.reshape(lines)
