"""What is left of raw lines once sensors and rules have looked at each by itself."""

import msgspec

from tercio.model.events import Event, Failed, Match, Unparsed


class Seen(msgspec.Struct, frozen=True):
    """A record worth looking at: the event that it became, the record as it was written, the rules that it matched, and
    those that failed on it."""

    event: Event
    line: bytes
    matches: tuple[Match, ...] = ()
    failed: tuple[Failed, ...] = ()


class Sifted(msgspec.Struct, frozen=True):
    """What a stretch of one file came to, from ``offset`` to ``end``, read at ``received`` (an instant). What of it is
    neither ``seen`` nor ``unparsed`` says nothing. ``failed`` says over which error its only record was left out
    (empty: none was). ``latest`` is the time that its last record bears, 0 where no rule waits for it, or it has none.
    """

    source: str
    generation: str
    offset: int
    end: int
    received: int
    seen: tuple[Seen, ...] = ()
    unparsed: tuple[Unparsed, ...] = ()
    failed: str = ""
    latest: int = 0

    @property
    def records(self) -> int:
        """How many records it still holds."""
        return len(self.seen) + len(self.unparsed)
