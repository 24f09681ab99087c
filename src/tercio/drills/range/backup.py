"""A backup: one machine copies a big file to another, in many connections. A look-alike of carrying off data.

``--serve`` is the receiving side. Both ends come to the same bytes, which the receiver keeps as ``--store``.
"""

import argparse
import socket
import struct
import sys
import time
from pathlib import Path

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.sweep import outcome_of
from tercio.drills.range.traces import Connect, Session, Started, Trace, now

PORT = 873
CHUNK = 1 << 17
"""Bytes of one connection."""
MOST = 200
"""No backup is more connections than this."""
PATIENCE = 5.0
"""Seconds that one connection may take, and that the first may wait for the receiver to come up."""


def copy(options: argparse.Namespace, trace: Trace) -> None:
    """Send every chunk in a connection of its own: its number, then its bytes; the receiver answers its number."""
    trace.add(Started(now(), "backup"))
    deadline = time.monotonic() + PATIENCE
    for number in range(min(options.chunks, MOST)):
        while (done := send(options.target, options.port, number)).outcome == "refused" and not number:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        trace.add(done)
        time.sleep(1 / options.rate)


def send(target: str, port: int, number: int) -> Connect:
    """One chunk; ``open`` in the record says that it was received whole."""
    at, local_port = now(), 0
    try:
        with socket.create_connection((target, port), timeout=PATIENCE) as session:
            local_port = int(session.getsockname()[1])
            session.sendall(struct.pack(">I", number) + content(number))
            session.shutdown(socket.SHUT_WR)
            outcome = "open" if session.recv(4) == struct.pack(">I", number) else "reset"
    except TimeoutError:
        outcome = "timeout"
    except OSError as error:
        outcome = outcome_of(error)
    return Connect(at, target, port, outcome, local_port)


def content(number: int) -> bytes:
    """What chunk ``number`` of the file holds: its number, over and over."""
    return struct.pack(">I", number) * (CHUNK // 4)


def receive(options: argparse.Namespace, trace: Trace) -> None:
    """Keep what comes, until ended."""
    family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
    with socket.socket(family) as server:
        options.store.write_bytes(b"")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((options.bind, options.port))
        server.listen(16)
        trace.add(Started(now(), "vault"))
        while True:
            session, peer = server.accept()
            with session:
                trace.add(Session(now(), str(peer[0]), int(peer[1]), True))
                keep(session, options.store)
                trace.add(Session(now(), str(peer[0]), int(peer[1]), False))


def keep(session: socket.socket, store: Path) -> None:
    """Take one chunk to its place in the file; what is cut off or has no place is dropped."""
    session.settimeout(PATIENCE)
    data = bytearray()
    try:
        while len(data) <= 4 + CHUNK and (part := session.recv(1 << 16)):
            data += part
        number = int.from_bytes(data[:4])
        if len(data) != 4 + CHUNK or number >= MOST:
            return
        with store.open("r+b") as file:
            file.seek(number * CHUNK)
            file.write(data[4:])
        session.sendall(data[:4])
    except OSError:
        return


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.backup --trace FILE --target ADDRESS``, or ``--serve --store FILE``."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--serve", action="store_true", help="receive instead of send")
    parser.add_argument("--bind", default="0.0.0.0", help="address to receive on")  # noqa: S104  # A range's own host.
    parser.add_argument("--store", type=Path, default=Path(), help="file to keep what is received in")
    parser.add_argument("--chunks", type=int, default=40, help="how many connections")
    parser.add_argument("--rate", type=float, default=40.0, help="connections a second at most")
    parser.set_defaults(port=PORT)
    options = parser.parse_args(argv)
    return play(options, receive if options.serve else copy)


if __name__ == "__main__":
    sys.exit(main())
