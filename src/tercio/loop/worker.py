"""The shell of a worker: it follows files, sifts what is in them, and reports to its loop. It keeps nothing.

The loop says what to follow and where to go on, each time that it is reached: after a crash of either, too.
"""

import asyncio
import contextlib
import gc
import signal
import time
from collections import deque
from datetime import date
from pathlib import Path

import msgspec

from tercio.loop.sift import sift, sight
from tercio.loop.sources import AT_ONCE
from tercio.loop.state import Content
from tercio.model.events import Unparsed
from tercio.model.reports import FromLoop, Hello, Place, Refusal, Report, Taken, Welcome
from tercio.model.sifted import Seen, Sifted
from tercio.products.transports.following import Following
from tercio.products.transports.frames import Refused, framed, received
from tercio.products.transports.reports import present
from tercio.products.transports.tail import Tail

RETRY = 0.5
"""Seconds between two tries to reach the loop."""

LOOK = 1.0
"""Seconds after which files are looked at though nothing was noticed: see ``Tail``."""

MOST_FOUND, SMALL = 8, 4096
"""What may be told of a record: so many times its own length, and so many bytes, where a report is too large else."""

_HEARD: msgspec.msgpack.Decoder[FromLoop] = msgspec.msgpack.Decoder(FromLoop)


def rules_day(socket: Path) -> date:
    """The day by which the loop that listens at ``socket``, or will, has read its rules."""
    while True:
        try:
            return date.fromisoformat(present(socket).day)
        except OSError:
            time.sleep(RETRY)


async def work(name: str, content: Content, socket: Path) -> None:
    """Work for the loop that listens at ``socket``, or will, until SIGTERM or SIGINT. Raises Refused, with the loop's
    words, where it wants none of this worker."""
    worker = Worker(name, content, socket)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, worker.stop)
    gc.collect()
    gc.freeze()
    await worker.live()


class Worker:
    """One worker, connected or not."""

    def __init__(self, name: str, content: Content, socket: Path) -> None:
        self._hello = Hello(name, sight(content))
        self._content, self._socket = content, socket
        self._wake = asyncio.Event()
        self._stopped = False
        self._credit = 0

    def stop(self) -> None:
        """End as soon as what is at hand is done."""
        self._stopped = True
        self._wake.set()

    async def live(self) -> None:
        """Reach the loop again and again, and work as long as it is there."""
        while not self._stopped:
            try:
                reader, writer = await asyncio.open_unix_connection(self._socket)
            except OSError:
                await self._wait(RETRY)
                continue
            try:
                await self._connected(reader, writer)
            except ConnectionError:
                await self._wait(RETRY)
            finally:
                writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(framed(self._hello))
        welcome = await self._hear(reader)
        if not isinstance(welcome, Welcome):
            return
        self._credit = welcome.credit
        with contextlib.ExitStack() as stack:
            files = deque(Following(stack.enter_context(self._tail(place))) for place in welcome.places)
            hearing = asyncio.create_task(self._credited(reader))
            for file in files:
                asyncio.get_running_loop().add_reader(file.tail.fileno(), self._wake.set)
            try:
                while not self._stopped and not hearing.done():
                    behind = self._round(files, writer)
                    await writer.drain()
                    await self._wait(0.0 if behind else LOOK)
            finally:
                for file in files:
                    asyncio.get_running_loop().remove_reader(file.tail.fileno())
                hearing.cancel()
                await asyncio.wait({hearing})
            if not hearing.cancelled():
                hearing.result()

    def _tail(self, place: Place) -> Tail:
        whole = self._content.sensors[place.source].whole
        return Tail(place.source, Path(place.path), place.at, place.since, whole=whole)

    def _round(self, files: deque[Following], writer: asyncio.StreamWriter) -> bool:
        """Read each file once, as far as the credit goes. Whether there is more to do at once."""
        for _ in range(len(files)):
            if self._credit <= 0:
                return False
            file = files[0]
            files.rotate(-1)
            batches, losses = file.read(time.time_ns() // 1000, AT_ONCE)
            if batches or losses:
                lots = tuple(lot for batch in batches for lot in sift(self._content, batch))
                writer.write(reported(Report(file.source, lots, losses)))
                self._credit -= 1
        return any(file.tail.behind for file in files)

    async def _credited(self, reader: asyncio.StreamReader) -> None:
        """Take down what the loop has taken, until it has gone."""
        while isinstance(message := await self._hear(reader), Taken):
            self._credit += message.reports
            self._wake.set()
        self._wake.set()

    async def _hear(self, reader: asyncio.StreamReader) -> FromLoop | None:
        """The loop's next message; None where it has gone. Raises Refused where it sends this worker away."""
        message = await received(reader, _HEARD)
        if isinstance(message, Refusal):
            raise Refused(message.why)
        return message

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()


def reported(report: Report) -> bytes:
    """The report as it is sent. Where it can't be, the records that are to blame are left out, and kept."""
    try:
        return framed(report)
    except (ValueError, OverflowError):
        return framed(msgspec.structs.replace(report, lots=tuple(map(_fitting, report.lots))))


def _fitting(lot: Sifted) -> Sifted:
    told = [(seen, _unsayable(seen)) for seen in lot.seen]
    left_out = [
        Unparsed(lot.source, lot.generation, seen.event.offset, seen.line, f"it can't be reported: {why}")
        for seen, why in told
        if why
    ]
    rest = tuple(seen for seen, why in told if not why)
    return msgspec.structs.replace(lot, seen=rest, unparsed=(*lot.unparsed, *left_out))


def _unsayable(seen: Seen) -> str:
    """Why a record can't be reported: nothing where it can."""
    try:
        size = len(msgspec.msgpack.encode(seen))
    except (ValueError, OverflowError) as error:
        return type(error).__name__
    return "rules found too much in it" if size > MOST_FOUND * len(seen.line) + SMALL else ""
