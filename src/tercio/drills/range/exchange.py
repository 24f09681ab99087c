"""One side of a cyclic exchange: sends every cycle, listens for the other side, traces what its watchdog saw."""

import socket
import time
from collections.abc import Callable

from tercio.drills.range.stamps import Numbering, Watch, decode, receive, stamped
from tercio.drills.range.traces import Started, Trace, now

LINGER = 1.0
"""Seconds that a side that ends still listens for the other's goodbye."""
REPORT = 0.5
"""Seconds between two records of how it stands."""


class Exchange:
    """A side. ``carry`` sends a frame's bytes, ``payload`` finds them in what the socket gave (empty: not ours)."""

    def __init__(
        self,
        receiver: socket.socket,
        carry: Callable[[bytes], object],
        payload: Callable[[bytes], bytes],
        watch: Watch,
        trace: Trace,
    ) -> None:
        stamped(receiver)
        self.receiver, self.watch, self.trace = receiver, watch, trace
        self._carry, self._payload = carry, payload
        self._numbering = Numbering()
        self._cycle = watch.cycle / 1_000_000
        self._due = time.monotonic()
        self._report = self._due + REPORT

    @property
    def wait(self) -> float:
        """Seconds until something is due."""
        return max(0.0, self._due - time.monotonic())

    def step(self) -> None:
        """Send if it is time (a side that is late never catches up by a burst), and take in what came."""
        moment = time.monotonic()
        if moment >= self._due:
            self._numbering.send(self._carry)
            self._due = self._due + self._cycle if self._due + self._cycle > moment else moment + self._cycle
        self.listen()
        if moment >= self._report:
            self._report = moment + REPORT
            self.trace.add(self.watch.count(now()))

    def listen(self) -> None:
        """Take in what came."""
        while arrived := receive(self.receiver):
            frame = decode(self._payload(arrived.data))
            if frame is None:
                continue
            if not self.watch.received:
                self.trace.add(Started(now(), self.watch.flow))
            for silence in self.watch.take(frame, arrived):
                self.trace.add(silence)

    def end(self) -> None:
        """Say goodbye, and wait a little for the other side's: what both have said explains the silence after it."""
        self._numbering.send(self._carry, last=True)
        hear_out(self.watch, self.listen, self.trace)


def hear_out(watch: Watch, listen: Callable[[], None], trace: Trace) -> None:
    """Wait a little for the other side's goodbye, then trace the last silences and the count."""
    deadline = time.monotonic() + LINGER
    while watch.received and not watch.ended and time.monotonic() < deadline:
        listen()
        time.sleep(0.005)
    for silence in watch.close(time.time_ns()):
        trace.add(silence)
    trace.add(watch.count(now()))
