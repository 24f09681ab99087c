"""The loop's ear for its workers: what they may say, how far they may run ahead, and where each is to go on.

A worker keeps nothing. Whatever becomes of it, the loop knows what it has taken of each source, and tells the next one
to go on there: so nothing is lost, and nothing counts twice.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from tercio.model.reports import Hello, Place, Present, Refusal, Report, Seat, Taken, ToLoop, Welcome, Who
from tercio.model.sifted import Sifted
from tercio.products.transports.frames import Refused, asked, framed, received
from tercio.products.transports.seqpacket import peer_uid
from tercio.products.transports.words import serve

CREDIT = 16
"""Reports of one worker that may be on their way, or wait for a turn."""

PATIENCE = 10.0
"""Seconds that somebody who connects may take to say who he is."""

_HEARD: msgspec.msgpack.Decoder[ToLoop] = msgspec.msgpack.Decoder(ToLoop)
_PRESENT = msgspec.msgpack.Decoder(Present)

Say = Callable[[str, str], None]
"""Takes of whom, and what, is to be told in the log."""


class Reports:
    """All workers of a loop. ``shares`` are the sources of each, by its name; ``places`` where each source is to be
    gone on with; ``sight`` the digest of what the loop itself would sift by, and ``day`` that of its rules."""

    def __init__(
        self,
        shares: Mapping[str, tuple[str, ...]],
        places: Iterable[Place],
        sight: str,
        day: str,
        wake: Callable[[], None],
        say: Say,
    ) -> None:
        self._shares, self._sight, self._day, self._wake, self._say = shares, sight, day, wake, say
        self._places = {place.source: place for place in places}
        self._lines: dict[str, _Line] = {}
        self._sent_away: dict[str, str] = {}

    @property
    def waiting(self) -> bool:
        """Whether reports wait for a turn."""
        return any(line.queue for line in self._lines.values())

    async def listen(self, path: Path) -> asyncio.Server:
        """Open the socket and hear workers until the server is closed."""
        return await serve(path, self._connected)

    def take(self, records: int) -> tuple[Report, ...]:
        """Reports for the next turn, with about so many records; of each worker in turn, and of each in its order."""
        found: list[Report] = []
        while records > 0 and (name := next((name for name, line in self._lines.items() if line.queue), "")):
            line = self._lines[name] = self._lines.pop(name)  # Whose turn it was is asked last the next time.
            report = line.queue.popleft()
            line.given += 1
            records -= max(1, report.records)
            found.append(report)
            if report.lots:
                last, place = report.lots[-1], self._places[report.source]
                at, since = (last.generation, last.end), last.received
                self._places[report.source] = msgspec.structs.replace(place, at=at, since=since)
        return tuple(found)

    def written(self) -> None:
        """All that was given out is in turns that are written."""
        for line in self._lines.values():
            if line.given:
                line.writer.write(framed(Taken(line.given)))
                line.held, line.given = line.held - line.given, 0

    def seats(self) -> tuple[Seat, ...]:
        """Every worker, present or not."""
        return tuple(
            Seat(
                worker=name,
                sources=sources,
                connected=name in self._lines,
                waiting=len(self._lines[name].queue) if name in self._lines else 0,
                why=self._sent_away.get(name, ""),
            )
            for name, sources in self._shares.items()
        )

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line: _Line | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                first = await received(reader, _HEARD)
            if isinstance(first, Who):
                writer.write(framed(Present(self.seats(), self._day)))
            elif first is not None:
                line = self._admitted(first, writer)
                await self._hear(reader, line)
        except (Refused, TimeoutError) as error:
            self._send_away(line.name if line else "", writer, str(error) or "it did not say who it is")
        except asyncio.CancelledError:
            return  # The loop itself ends; streams would log that as a failure.
        finally:
            if line is not None:
                del self._lines[line.name]
                self._say(f"worker {line.name}", "it has gone; who comes next goes on where it was")
            writer.close()

    def _admitted(self, hello: Hello | Report, writer: asyncio.StreamWriter) -> "_Line":
        """Raises Refused for whoever is no worker of this loop."""
        uid = peer_uid(writer.get_extra_info("socket"))
        if uid != os.geteuid():
            raise Refused(f"it runs as user {uid}, and this loop as {os.geteuid()}")
        if not isinstance(hello, Hello):
            raise Refused("it did not say who it is")
        name = hello.worker
        if name not in self._shares:
            raise Refused("the settings have no such worker; `tercio up` starts those that they have")
        if name in self._lines:
            raise Refused(f"worker {name} is here already")
        if hello.sight != self._sight:
            why = "its rules or sources are others than the loop's: start `tercio up` anew, so that both read them"
            self._sent_away[name] = why
            raise Refused(why)
        places = tuple(self._places[source] for source in self._shares[name])
        line = self._lines[name] = _Line(name, writer, places)
        self._sent_away.pop(name, None)
        writer.write(framed(Welcome(places, CREDIT)))
        self._say(f"worker {name}", f"it follows {', '.join(self._shares[name])}")
        return line

    async def _hear(self, reader: asyncio.StreamReader, line: "_Line") -> None:
        while (message := await received(reader, _HEARD)) is not None:
            if not isinstance(message, Report):
                raise Refused("a worker that is connected only reports")
            line.heard(message)
            self._wake()

    def _send_away(self, name: str, writer: asyncio.StreamWriter, why: str) -> None:
        if name:
            self._sent_away[name] = why
        self._say(f"worker {name}".rstrip(), f"sent away: {why}")
        writer.write(framed(Refusal(why)))


class _Line:
    """One worker that is connected: what waits, how much of it is ``held`` against its credit, and how far each file
    was reported."""

    def __init__(self, name: str, writer: asyncio.StreamWriter, places: Iterable[Place]) -> None:
        self.name, self.writer = name, writer
        self.queue: deque[Report] = deque()
        self.held = self.given = 0
        places = tuple(places)
        self._sources = frozenset(place.source for place in places)
        self._ends = {(place.source, place.at[0]): place.at[1] for place in places if place.at is not None}

    def heard(self, report: Report) -> None:
        """Take in one report. Raises Refused where it can't be right; then nothing of it counts."""
        if self.held >= CREDIT:
            raise Refused(f"more than {CREDIT} reports at once")
        if report.source not in self._sources:
            raise Refused("it reports of a source that is not its own")
        ends = dict(self._ends)
        for lot in report.lots:
            end = ends.get((lot.source, lot.generation), 0)
            if why := _fault(report, lot, end):
                raise Refused(why)
            ends[lot.source, lot.generation] = lot.end
        self._ends = ends
        self.held += 1
        self.queue.append(report)


def _fault(report: Report, lot: Sifted, end: int) -> str:
    """What is wrong with a lot behind which its file was reported up to ``end``; nothing where it may be right."""
    if lot.source != report.source:
        return "a report of one source has a lot of another"
    if not end <= lot.offset <= lot.end:
        return f"a lot from {lot.offset} to {lot.end}, where {end} had been reached"
    files = {(each.event.source, each.event.generation) for each in lot.seen}
    files |= {(each.source, each.generation) for each in lot.unparsed}
    begins = {each.event.offset for each in lot.seen} | {each.offset for each in lot.unparsed}
    inside = not begins or (lot.offset <= min(begins) and max(begins) < lot.end)
    if files - {(lot.source, lot.generation)} or len(begins) != lot.records or not inside:
        return "a lot with records that are not of its own stretch"
    if lot.failed and (lot.seen or len(lot.unparsed) != 1):
        return "a lot that failed has one record, which nobody understood"
    return ""


def present(path: Path, patience: float = 1.0) -> Present:
    """The workers as the loop that listens at a path sees them. Raises OSError where it does not answer."""
    try:
        answer = asked(str(path), Who(), _PRESENT, patience)
    except Refused as error:
        raise OSError(str(error)) from None
    if answer is None:
        raise ConnectionResetError(f"{path}: who listens there hung up")
    return answer
