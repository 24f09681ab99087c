"""Cyclic frames that tell the network's delay and loss apart from a busy machine's.

Every frame carries its number, when it was sent, and when the call that sent the one before it returned. The receiver
takes the kernel's time stamp of arrival, so it does not matter when its process gets to run. A late *sender* is no harm
by the network: silence counts in the sender's own cycles, of which a frame that never came is one and a frame that was
under way longer than the one before it a part of one.
"""

import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from tercio.drills.range.traces import Cycles, Silence

SO_TIMESTAMPNS = 35
SO_RXQ_OVFL = 40
"""Socket options (asm-generic/socket.h) that Python has no names for: the kernel's time stamp of arrival, and how many
frames came while the receiver's own buffer was full."""

_FORM = struct.Struct("!4sIQQB")
_MARK = b"cyc1"
LENGTH = _FORM.size


class Frame(NamedTuple):
    """What a frame says: its number, when it was sent, when the call that sent its predecessor returned (both
    nanoseconds since the epoch), and whether its sender ends here (``last``)."""

    number: int
    sent: int
    returned: int
    last: bool = False

    def encode(self) -> bytes:
        """The frame's bytes."""
        return _FORM.pack(_MARK, self.number, self.sent, self.returned, self.last)


def decode(data: bytes) -> Frame | None:
    """The frame at the beginning of these bytes; None where there is none."""
    if len(data) < LENGTH:
        return None
    mark, number, sent, returned, last = _FORM.unpack_from(data)
    return Frame(number, sent, returned, bool(last)) if mark == _MARK else None


class Arrived(NamedTuple):
    """What a socket gave: the bytes, the kernel's time stamp of their arrival (nanoseconds since the epoch), and how
    many the kernel had to drop so far as the receiver did not fetch them (0 where it said nothing)."""

    data: bytes
    at: int
    overflow: int


def stamped(receiver: socket.socket) -> None:
    """Ask the kernel for both, on a datagram or packet socket."""
    receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receiver.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)


def receive(receiver: socket.socket) -> Arrived | None:
    """The next frame that waits in the kernel, None where none does. An ICMP error about an earlier frame is none."""
    try:
        data, ancillary, _, _ = receiver.recvmsg(2048, 256, socket.MSG_DONTWAIT)
    except OSError:
        return None
    at, overflow = time.time_ns(), 0
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, rest = struct.unpack("qq", value[:16])
            at = seconds * 1_000_000_000 + rest
        elif level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL:
            overflow = int(struct.unpack("I", value[:4])[0])
    return Arrived(data, at, overflow)


class Numbering:
    """Numbers and stamps what one sender sends."""

    def __init__(self) -> None:
        self.sent = 0
        self._returned = 0

    def send(self, carry: Callable[[bytes], object], *, last: bool = False) -> None:
        """Give the next frame's bytes to ``carry``. What this host's own kernel refuses was never sent."""
        frame = Frame(self.sent + 1, time.time_ns(), self._returned, last)
        try:
            carry(frame.encode())
        except OSError:
            return
        self.sent += 1
        self._returned = time.time_ns()


class _Known(msgspec.Struct, frozen=True):
    """A frame that arrived (nanoseconds; ``transit`` is how long the network had it)."""

    number: int
    sent: int
    at: int
    overflow: int
    transit: int


class Watch:
    """A receiver's watchdog. Pure: the frames and their time stamps go in, silences come out.

    ``cycle`` and ``watchdog`` are spans (microseconds). A frame is judged when its successor came, which says until
    when the sender itself was busy with sending it: what of the transit lies in that time is the sender's.
    """

    def __init__(self, flow: str, cycle: int, watchdog: int) -> None:
        self.flow, self.cycle, self.watchdog = flow, cycle, watchdog
        self.received = self.lost = self.longest = 0
        self.ended = False
        self._before: _Known | None = None
        self._newest: _Known | None = None

    @property
    def newest(self) -> int:
        """When the newest frame arrived (nanoseconds since the epoch), 0 before the first."""
        return self._newest.at if self._newest else 0

    def take(self, frame: Frame, arrived: Arrived) -> tuple[Silence, ...]:
        """Take in a frame. Returns what was too long a silence, as far as it can be judged now."""
        newest = self._newest
        if newest is not None and frame.number <= newest.number:
            return ()
        self.received += 1
        self.ended = frame.last
        busy = frame.returned if newest is not None and frame.number == newest.number + 1 else 0
        silences = self._settle(busy)
        # The last one has no successor: only whether frames before it were lost is judged.
        transit = 0 if frame.last else max(0, arrived.at - frame.sent)
        overflow = max(arrived.overflow, newest.overflow if newest else 0)
        self._newest = _Known(frame.number, frame.sent, arrived.at, overflow, transit)
        return silences + (self._settle(0) if frame.last else ())

    def close(self, now: int) -> tuple[Silence, ...]:
        """Nobody will listen after ``now`` (nanoseconds). Where the sender never said that he ends, all that he owes
        by then counts as lost; before a first frame he owes nothing."""
        silences = self._settle(0)
        if self.ended or self._before is None:
            return silences
        self.ended = True
        span = (now - self._before.at) // 1000
        return silences + self._silence(self._before.at, span, span // self.cycle - 1, 0)

    def count(self, at: int) -> Cycles:
        """How it stands (``at`` is an instant)."""
        return Cycles(at, self.flow, self.received, self.lost, self.longest)

    def _settle(self, busy: int) -> tuple[Silence, ...]:
        """Judge the newest frame against the one before it. ``busy`` is until when its sender was occupied."""
        before, known = self._before, self._newest
        if known is None or known is before:
            return ()
        transit = max(0, known.transit - max(0, busy - known.sent))
        known = msgspec.structs.replace(known, transit=transit)
        self._before = self._newest = known
        self.longest = max(self.longest, transit // 1000)
        if before is None:
            return ()
        lost = max(0, known.number - before.number - 1 - (known.overflow - before.overflow))
        self.lost += lost
        return self._silence(before.at, (known.at - before.at) // 1000, lost, (transit - before.transit) // 1000)

    def _silence(self, start: int, span: int, lost: int, held_up: int) -> tuple[Silence, ...]:
        silence = Silence(start // 1000 + self.watchdog, self.flow, span, lost, held_up, self.cycle, self.watchdog)
        return (silence,) if span > self.watchdog or silence.unexplained else ()
