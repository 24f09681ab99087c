"""A TCP session that is to last: question and answer, and whether it was the network that ended it.

A peer that is slow to answer is no lost session. The kernel knows the difference: what the peer's kernel has
acknowledged has got through, and what it has not for longer than ``PATIENCE`` has not, whoever is busy.
"""

import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Callable

from tercio.drills.range.traces import Asked, SessionLost, Trace, now

PATIENCE = 1.5
"""Seconds without an acknowledgement after which a client gives its session up."""
PAUSE = 0.2
"""Seconds before a lost session is tried anew."""
REPORT = 0.5

Complete = Callable[[bytes], int]
"""How long the message at the beginning of these bytes is; 0 where that can't be said yet."""


class Lost(Exception):
    """The session is over: why."""


class Asking:
    """A client's session with one server, and its trace. ``name`` is what the trace calls it."""

    def __init__(self, name: str, target: tuple[str, int], complete: Complete, trace: Trace) -> None:
        self.name, self.target, self.trace = name, target, trace
        self.answered = 0
        self._complete = complete
        self._socket: socket.socket | None = None
        self._asked = 0
        self._held = b""
        self._report = 0.0

    def open(self) -> bool:
        """Whether there is a session, after one attempt to open it."""
        if self._socket is None:
            try:
                self._socket = socket.create_connection(self.target, timeout=PATIENCE)
            except OSError:
                return False
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._held = b""
        return True

    def ask(self, question: bytes) -> bytes:
        """The answer. Raises ``Lost``, and has then traced the loss of a session on which anything was answered."""
        try:
            answer = self._answer(question)
        except (OSError, Lost) as error:
            asked = self._asked
            self.close()
            if asked:
                self.trace.add(SessionLost(now(), self.name, str(error)[:200], asked))
            raise Lost(str(error)) from error
        self._asked += 1
        self.answered += 1
        if time.monotonic() >= self._report:
            self._report = time.monotonic() + REPORT
            self.report()
        return answer

    def report(self) -> None:
        """Trace the count so far."""
        self.trace.add(Asked(now(), self.name, self.answered))

    def close(self) -> None:
        """End the session."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._asked = None, 0

    def _answer(self, question: bytes) -> bytes:
        session = self._socket
        if session is None:
            raise Lost("there is no session")
        session.sendall(question)
        deadline = time.monotonic() + PATIENCE
        while not (length := self._complete(self._held)) or len(self._held) < length:
            if select.select([session], [], [], 0.25)[0]:
                data = session.recv(4096)
                if not data:
                    raise Lost("the other end hung up")
                self._held += data
            elif time.monotonic() > deadline and unacknowledged(session):
                raise Lost(f"nothing got through for {PATIENCE} s")
        answer, self._held = self._held[:length], self._held[length:]
        return answer


def unacknowledged(session: socket.socket) -> int:
    """Bytes that this kernel has sent, or will, and the peer's has not acknowledged."""
    return int(struct.unpack("i", fcntl.ioctl(session, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
