"""Processes that read and sift recorded files for a replay, so that it uses every processor.

They are started anew, not forked, find the rules as the first process compiled them, and remember nothing of one file
for another: what a replay comes to does not depend on how many there are.
"""

import heapq
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self, cast

import msgspec

from tercio.app.recordings import Found, Piece, pieces
from tercio.app.replay import Outcome, content, replay
from tercio.model.site import Site
from tercio.products.transports.frames import framed, read
from tercio.products.transports.recorded import Recording

AHEAD = 3
"""Pieces of one file that are asked for before they are needed."""

WORTH = 512 << 20
"""Bytes of files below which starting processes costs more than it saves: with all rules for Windows one takes two
seconds of a processor to start, in which it would sift 120 MB."""


LARGEST = 1 << 30
"""Bytes of one message: what a long recording came to can be long."""


class Given(msgspec.Struct, frozen=True, tag=True):
    """What each process makes its content of (see ``replay.content``)."""

    site: Site
    folders: tuple[str, ...]
    sensors: tuple[str, ...]
    keep: str


class _Open(msgspec.Struct, frozen=True, tag=True):
    """A file, by a number of its own, is to be read: piece by piece, or (``whole``) replayed by itself."""

    number: int
    name: str
    path: str
    sensor: str
    begins: int
    whole: bool = False


class _Next(msgspec.Struct, frozen=True, tag=True):
    """The next piece of a file is wanted."""

    number: int


class _Reply(msgspec.Struct, frozen=True):
    """A piece (None: the file is at its end), or what a whole file came to, and in how many seconds."""

    number: int
    piece: Piece | None = None
    outcome: Outcome | None = None
    seconds: float = 0.0


class SifterEnded(RuntimeError):
    """A process ended by itself; the text names the file that it was reading."""


_asked: msgspec.msgpack.Decoder[Given | _Open | _Next] = msgspec.msgpack.Decoder(Given | _Open | _Next)
_replied = msgspec.msgpack.Decoder(_Reply)


class Sifters:
    """So many processes; they end with the ``with`` block, and with this process."""

    def __init__(self, count: int, given: Given) -> None:
        self._sifters = [_Sifter(given) for _ in range(count)]
        self._load = [(0, number) for number in range(count)]
        self._opened = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sifter in self._sifters:
            sifter.end()

    def opened(self, found: Found) -> Iterator[Piece]:
        """The pieces of a file, sifted by whoever has least to do. Raises SifterEnded."""
        load, at = heapq.heappop(self._load)
        heapq.heappush(self._load, (load + found.recording.path.stat().st_size, at))
        self._opened += 1
        return self._sifters[at].pieces(self._opened, found)

    def outcomes(self, files: Iterable[Found], tell: Callable[[Found], None]) -> list[tuple[Outcome, float]]:
        """What each of these files comes to by itself, in their order, and the seconds that it took; ``tell`` is called
        with each that is done. Raises SifterEnded."""
        every = list(files)
        waiting, found = deque(enumerate(every)), dict[int, tuple[Outcome, float]]()
        for sifter in self._sifters[: len(every)]:
            sifter.ask(*waiting.popleft(), whole=True)
        while len(found) < len(every):
            busy = {sifter.replies.fileno(): sifter for sifter in self._sifters if sifter.asked}
            for sifter in map(busy.__getitem__, select.select(list(busy), (), ())[0]):
                reply = sifter.reply()
                if reply.outcome is None:
                    continue
                found[reply.number] = (reply.outcome, reply.seconds)
                tell(every[reply.number])
                if waiting:
                    sifter.ask(*waiting.popleft(), whole=True)
        return [found[number] for number in range(len(every))]


class _Sifter:
    """One process, and the line to it."""

    def __init__(self, given: Given) -> None:
        argv = [sys.executable, "-m", "tercio.app.sifters"]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._questions = cast("BinaryIO", self._process.stdin)
        self.replies = cast("BinaryIO", self._process.stdout)
        self._ready: dict[int, deque[Piece | None]] = {}
        self.asked: dict[int, str] = {}
        self._send(given)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._questions.close()
        self.replies.close()

    def ask(self, number: int, found: Found, *, whole: bool = False) -> None:
        """Have a file read."""
        self.asked[number] = found.recording.name
        name, path = found.recording.name, str(found.recording.path)
        self._send(_Open(number, name, path, found.sensor, found.begins, whole))

    def pieces(self, number: int, found: Found) -> Iterator[Piece]:
        """The pieces of a file, some of them asked for ahead."""
        ready: deque[Piece | None] = deque()
        self._ready[number] = ready
        self.ask(number, found)
        for _ in range(AHEAD):
            self._send(_Next(number))
        while True:
            while not ready:
                reply = self.reply()
                if reply.number in self._ready:
                    self._ready[reply.number].append(reply.piece)
            piece = ready.popleft()
            if piece is None:
                del self._ready[number], self.asked[number]
                return
            self._send(_Next(number))
            yield piece

    def reply(self) -> _Reply:
        """The next reply to anything. Raises SifterEnded."""
        reply = read(self.replies, _replied, LARGEST)
        if reply is None:
            raise self._ended()
        if reply.outcome is not None:
            del self.asked[reply.number]
        return reply

    def _send(self, message: Given | _Open | _Next) -> None:
        try:
            _write(self._questions, framed(message))
        except BrokenPipeError:
            raise self._ended() from None

    def _ended(self) -> SifterEnded:
        names = ", ".join(sorted(self.asked.values())[:3]) or "nothing yet"
        return SifterEnded(f"a process that read {names} ended by itself ({self._process.wait()}); leave that out")


def serve(questions: BinaryIO, replies: BinaryIO) -> None:
    """Read and sift what is asked for, until nobody is there any more."""
    given = read(questions, _asked)
    if not isinstance(given, Given):
        return
    folders, streams = tuple(map(Path, given.folders)), dict[int, Iterator[Piece]]()
    made = content(given.site, folders, given.sensors, keep=Path(given.keep))
    while isinstance(message := read(questions, _asked), _Open | _Next):
        if isinstance(message, _Next):
            _write(replies, framed(_Reply(message.number, next(streams[message.number], None)), LARGEST))
            continue
        found = Found(Recording(message.name, Path(message.path)), message.sensor, message.begins)
        if message.whole:
            begun = time.monotonic()
            outcome = replay(made, message.name, [found])
            _write(replies, framed(_Reply(message.number, None, outcome, time.monotonic() - begun), LARGEST))
        else:
            streams[message.number] = pieces(made, found)


def _write(stream: BinaryIO, data: bytes) -> None:
    """All of it: a pipe takes it in parts."""
    left = memoryview(data)
    while left:
        left = left[stream.write(left) :]


def main() -> None:
    """One process of a replay, on its standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Who reads the answers decides when it is over.
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # Whatever a library prints is no answer.
    try:
        serve(os.fdopen(0, "rb", buffering=0), cast("BinaryIO", replies))
    except BrokenPipeError:
        return


if __name__ == "__main__":
    main()
