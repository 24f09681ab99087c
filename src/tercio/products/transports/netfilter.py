"""A line to the kernel's netfilter by netlink (RFC 3549): questions, and the messages that answer them."""

import errno
import os
import socket
import struct

from tercio.products.transports.packed import messages

_NETFILTER = 12
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_INTERRUPTED = 0x10

ATTEMPTS = 5
"""So often a list is asked for, where somebody changes it while it is told."""


class Line:
    """Stays open: closing one after a commit waits until the kernel has let go of what the commit replaced, which takes
    10 to 20 ms. It speaks to the network namespace where it was made; most questions need CAP_NET_ADMIN there. Not for
    use by two threads at once."""

    def __init__(self) -> None:
        """Raises OSError where the kernel has no netfilter."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
        self._socket.settimeout(2.0)
        self._socket.bind((0, 0))
        self._asked = 0

    def ask(self, kind: int, family: int, body: bytes = b"") -> list[bytes]:
        """The attributes of each message that answers a request, or confirms it: none, then. Raises OSError, with the
        kernel's own number, where it refuses."""
        return self._asking(kind, _REQUEST | _ACK, family, body)

    def dump(self, kind: int, family: int, body: bytes = b"") -> list[bytes]:
        """The attributes of each thing in a list, as it was at one moment. Raises OSError, with the kernel's own
        number, where it refuses, or where the list changes all the time."""
        for _ in range(ATTEMPTS):
            try:
                return self._asking(kind, _REQUEST | _DUMP, family, body)
            except InterruptedError:
                continue
        raise OSError(errno.EAGAIN, "what the kernel lists changes all the time")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _asking(self, kind: int, flags: int, family: int, body: bytes) -> list[bytes]:
        self._asked += 1
        head = struct.pack("=IHHIIBBH", 20 + len(body), kind, flags, self._asked, 0, family, 0, 0)
        self._socket.send(head + body)
        found: list[bytes] = []
        interrupted = False
        while True:
            for answer, marks, number, told in messages(self._socket.recv(1 << 17)):
                if number != self._asked:
                    continue  # It came too late for the question before.
                interrupted = interrupted or bool(marks & _INTERRUPTED)
                if answer in (_ERROR, _DONE):
                    _ended(told)
                    if interrupted:
                        raise InterruptedError
                    return found
                found.append(told[4:])


def _ended(body: bytes) -> None:
    """What closes an answer begins with a negative error number, or 0."""
    code = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
    if code:
        raise OSError(code, os.strerror(code))
