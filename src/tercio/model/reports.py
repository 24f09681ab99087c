"""What a worker and the loop say to each other, in MessagePack: each message says by its tag what it is."""

import msgspec

from tercio.model.sifted import Sifted


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A worker says who it is, and the digest of everything by which it sifts."""

    worker: str
    sight: str


class Place(msgspec.Struct, frozen=True):
    """One source that a worker is to follow: its file, where to go on (generation, offset; None: nothing of it was
    read), and when anything of it was last kept (an instant)."""

    source: str
    path: str
    at: tuple[str, int] | None
    since: int


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The loop says what to follow, and how many reports may be on their way at once."""

    places: tuple[Place, ...]
    credit: int


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """The loop says why it takes nothing more on this connection."""

    why: str


class Report(msgspec.Struct, frozen=True, tag=True):
    """What one reading of one source came to, to be taken whole; ``losses`` say what of it could not be read."""

    source: str
    lots: tuple[Sifted, ...]
    losses: tuple[str, ...] = ()

    @property
    def records(self) -> int:
        """How many records are in it."""
        return sum(lot.records for lot in self.lots)


class Taken(msgspec.Struct, frozen=True, tag=True):
    """So many reports are in turns that were written: as many more may be sent."""

    reports: int


class Who(msgspec.Struct, frozen=True, tag=True):
    """Somebody asks which workers are there."""


class Seat(msgspec.Struct, frozen=True):
    """A worker as the loop sees it: its sources, whether it is connected, and why it was sent away last (or nothing).
    ``waiting`` counts its reports that no turn has taken yet."""

    worker: str
    sources: tuple[str, ...]
    connected: bool
    waiting: int = 0
    why: str = ""


class Present(msgspec.Struct, frozen=True, tag=True):
    """The loop's answer to who is there, and the day (ISO 8601) by which it read its rules: exceptions to them end."""

    seats: tuple[Seat, ...]
    day: str


ToLoop = Hello | Report | Who
FromLoop = Welcome | Refusal | Taken | Present
