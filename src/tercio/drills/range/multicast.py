"""One side of an I/O connection over UDP with a TCP parent, as EtherNet/IP talks: the device sends to a group.

The connection lives as long as its parent: whoever resets that ends the I/O.
"""

import argparse
import itertools
import select
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable

from tercio.drills.range import enip
from tercio.drills.range.actor import Stopped, arguments, play
from tercio.drills.range.exchange import Exchange
from tercio.drills.range.session import PAUSE, Asking, Lost
from tercio.drills.range.stamps import Watch
from tercio.drills.range.traces import Trace

ALIVE = 0.5
"""Seconds between two questions on the parent."""


class Parent:
    """The originator's TCP session: opens the connection, keeps asking, opens it anew. ``connection`` is its number,
    0 while there is none."""

    def __init__(self, target: tuple[str, int], trace: Trace) -> None:
        self.connection = 0
        self.asking = Asking("io parent", target, enip.complete, trace)
        self._numbers = itertools.count(1)

    def keep(self) -> None:
        """Keep it for as long as the process lives."""
        while True:
            try:
                if self.asking.open():
                    session = int.from_bytes(
                        self.asking.ask(enip.message(enip.REGISTER, 0, b"\x01\0\0\0"))[4:8], "little"
                    )
                    number = next(self._numbers)
                    self.asking.ask(enip.opening(session, number))
                    self.connection = number
                    while True:
                        time.sleep(ALIVE)
                        self.asking.ask(enip.message(enip.LIST_SERVICES, 0))
            except Lost:
                self.connection = 0
            time.sleep(PAUSE)


class Device(socketserver.ThreadingTCPServer):
    """The device's TCP side. The session that opened an I/O connection last owns it; ``connection`` is its number."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Questions)
        self.connection = 0
        self.sessions = itertools.count(1)


class Questions(socketserver.StreamRequestHandler):
    """One client's session with the device."""

    server: Device
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer until the client goes, or says what is not understood."""
        session, mine = next(self.server.sessions), 0
        try:
            while head := self.rfile.read(24):
                question = head + self.rfile.read(max(0, enip.complete(head) - len(head)))
                if number := enip.opened(question):
                    self.server.connection = mine = number
                self.wfile.write(enip.answer(question, session))
        except (OSError, Lost):
            pass
        if mine and self.server.connection == mine:
            self.server.connection = 0


def originate(options: argparse.Namespace, trace: Trace) -> None:
    """Be the controller: keep the parent, send to the device, listen to its group."""
    parent = Parent((options.target, options.port), trace)
    threading.Thread(target=parent.keep, daemon=True).start()
    exchange(lambda: parent.connection, options, (options.target, options.io_port), trace, parent.asking.report)


def respond(options: argparse.Namespace, trace: Trace) -> None:
    """Be the device: whoever opens the connection gets its data, by the group."""
    with Device((options.address, options.port)) as device:
        threading.Thread(target=device.serve_forever, args=(60,), daemon=True).start()
        exchange(lambda: device.connection, options, (options.group, options.io_port), trace, lambda: None)


def exchange(
    current: Callable[[], int],
    options: argparse.Namespace,
    peer: tuple[str, int],
    trace: Trace,
    report: Callable[[], None],
) -> None:
    """Exchange data while there is a connection, until ended. ``current`` is its number, 0 for none."""
    while True:
        connection = current()
        if not connection:
            time.sleep(0.02)
            continue
        with udp(options) as wire:
            side = side_of(connection, wire, peer, trace)
            try:
                while current() == connection:
                    select.select([wire], [], [], side.wait)
                    side.step()
            except Stopped:
                report()
                side.end()
                raise


def side_of(connection: int, wire: socket.socket, peer: tuple[str, int], trace: Trace) -> Exchange:
    """One side of the connection of this number."""
    return Exchange(
        wire,
        lambda data: wire.sendto(enip.io(connection, data), peer),
        lambda data: enip.data_of(connection, data),
        Watch("io", enip.CYCLE, enip.WATCHDOG),
        trace,
    )


def udp(options: argparse.Namespace) -> socket.socket:
    """The socket for cyclic data: a member of the group, never its own listener."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = socket.inet_aton(options.address)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
    wire.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(options.group) + address)
    wire.bind(("", options.io_port))
    return wire


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.multicast --trace FILE --address OWN``, with ``--target`` or ``--device``."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--device", action="store_true", help="be the device, else the controller")
    parser.add_argument("--address", required=True, help="this side's own address")
    parser.add_argument("--group", default=enip.GROUP, help="the device's multicast group")
    parser.add_argument("--io-port", type=int, default=enip.UDP_PORT, help="UDP port of the cyclic data")
    parser.set_defaults(port=enip.TCP_PORT)
    options = parser.parse_args(argv)
    return play(options, respond if options.device else originate)


if __name__ == "__main__":
    sys.exit(main())
