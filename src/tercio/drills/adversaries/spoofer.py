"""A sweep in another's name: connection attempts that carry the operator's screen as their source. No handshake can
complete, since the answers go to whoever truly has the address. Bounded: at most 399 packets.
"""

import argparse
import socket
import struct
import sys
import time

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.sweep import MOST, PORTS, addresses
from tercio.drills.range.topology import HOSTS, SEGMENTS
from tercio.drills.range.traces import Forged, Started, Trace, now

FIRST_PORT = 20000
"""Source ports count from here: below those that a kernel gives to sessions, so that no living session is touched."""


def forge(options: argparse.Namespace, trace: Trace) -> None:
    """Try every port on every target, port by port, ``rate`` packets a second."""
    trace.add(Started(now(), "spoofer"))
    v6 = ":" in options.source
    network = SEGMENTS["ot"].network6 if v6 else SEGMENTS["ot"].network4
    targets = options.hosts or addresses(network, 10, 40)
    pairs = [(target, port) for port in options.ports for target in targets if target != options.source][:MOST]
    began = time.monotonic()
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number, (target, port) in enumerate(pairs):
            time.sleep(max(0.0, began + number / options.rate - time.monotonic()))
            raw.sendto(packet(options.source, target, FIRST_PORT + number, port), (target, 0))
            trace.add(Forged(now(), options.source, target, port))


def packet(source: str, target: str, source_port: int, port: int) -> bytes:
    """A TCP SYN with its IP header, of either family."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    syn, window = 5 << 12 | 2, 1024
    head = struct.pack(">HHIIHHHH", source_port, port, 1, 0, syn, window, 0, 0)
    pseudo = ends + struct.pack(">II", len(head), socket.IPPROTO_TCP)
    segment = head[:16] + struct.pack(">H", checksum(pseudo + head)) + head[18:]
    if family == socket.AF_INET6:
        return struct.pack(">IHBB", 6 << 28, len(segment), socket.IPPROTO_TCP, 64) + ends + segment
    # The kernel fills in an IPv4 header's own checksum.
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, socket.IPPROTO_TCP, 0) + ends + segment


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) over an even number of bytes."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.adversaries.spoofer --trace FILE``."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--source", default=HOSTS["hmi1"].address4, help="in whose name: an address of either family")
    parser.add_argument("--hosts", nargs="*", default=[], help="addresses to try; a part of the OT zone unless told")
    parser.add_argument("--ports", nargs="*", type=int, default=list(PORTS), help="ports to try, in this order")
    parser.add_argument("--rate", type=float, default=200.0, help="packets a second")
    options = parser.parse_args(argv)
    if options.rate <= 0:
        parser.error("a rate is above 0")
    return play(options, forge)


if __name__ == "__main__":
    sys.exit(main())
