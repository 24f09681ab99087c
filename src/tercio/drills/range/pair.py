"""One station of a redundant pair behind one floating address: heartbeats to a group, as VRRP talks (RFC 3768).

The main station holds the address and says so five times a second. The station in reserve takes it, and tells the wire
by a gratuitous ARP, once it has heard nothing for three heartbeats; it gives it back as soon as the main one is heard.
"""

import argparse
import select
import socket
import struct
import subprocess
import sys
import time

from tercio.drills.range.actor import Stopped, arguments, play
from tercio.drills.range.exchange import hear_out
from tercio.drills.range.stamps import Arrived, Frame, Numbering, Watch, decode, receive, stamped
from tercio.drills.range.traces import Started, TakeOver, Trace, now

GROUP, PROTOCOL = "224.0.0.18", 112
CYCLE, WATCHDOG = 200_000, 600_000
"""Microseconds between two heartbeats, and of silence after which the station in reserve takes over."""
MAIN, RESERVE = 200, 100
"""Priorities."""
REPORT = 0.5
_HEAD = struct.Struct("!BBBBBBH4s")


class Station:
    """A station: its sockets, whether it holds the address, and what it has heard."""

    def __init__(self, options: argparse.Namespace, trace: Trace) -> None:
        self.options, self.trace = options, trace
        self.priority = MAIN if options.main else RESERVE
        self.holds = False
        self.watch = Watch("heartbeat", CYCLE, WATCHDOG)
        self.numbering = Numbering()
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
        own = socket.inet_aton(options.address)
        self.wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        self.wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self.wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        self.wire.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + own)
        stamped(self.wire)

    def beat(self, *, last: bool = False) -> None:
        """Say that the address is held."""
        self.numbering.send(self._carry, last=last)

    def listen(self) -> None:
        """Take in what came."""
        while arrived := receive(self.wire):
            priority, frame = advert(arrived.data)
            if frame is None:
                continue
            if priority > self.priority:
                self.hear(frame, arrived)
            elif self.options.main:
                announce(self.options.interface, self.options.floating)

    def hear(self, frame: Frame, arrived: Arrived) -> None:
        """The main station is there."""
        if not self.watch.received:
            self.trace.add(Started(now(), "pair"))
        for silence in self.watch.take(frame, arrived):
            self.trace.add(silence)
        if self.holds:
            self.hold(False)

    def overdue(self) -> bool:
        """Whether the main station was heard once, has not said goodbye, and is silent for too long."""
        silent = time.time_ns() - self.watch.newest
        return bool(self.watch.newest) and not self.watch.ended and silent > WATCHDOG * 1000

    def hold(self, take: bool) -> None:
        """Take the floating address and tell the wire, or give it up."""
        change = ["ip", "addr", "add" if take else "del", f"{self.options.floating}/32", "dev", self.options.interface]
        subprocess.run(change, check=False, capture_output=True)
        self.holds = take
        if take:
            announce(self.options.interface, self.options.floating)
        if not self.options.main:
            self.trace.add(TakeOver(now(), self.options.floating, take))

    def _carry(self, data: bytes) -> None:
        head = _HEAD.pack(0x21, 1, self.priority, 1, 0, 1, 0, socket.inet_aton(self.options.floating))
        check = _sum16(head)
        self.wire.sendto(head[:6] + struct.pack("!H", check) + head[8:] + data, (GROUP, 0))


def keep(options: argparse.Namespace, trace: Trace) -> None:
    """Be a station until ended."""
    station = Station(options, trace)
    if options.main:
        station.hold(True)
        trace.add(Started(now(), "pair"))
    due = report = time.monotonic()
    try:
        while True:
            moment = time.monotonic()
            if moment >= due:
                due = moment + CYCLE / 1_000_000
                if station.holds:
                    station.beat()
            select.select([station.wire], [], [], max(0.0, due - time.monotonic()))
            station.listen()
            if not options.main and not station.holds and station.overdue():
                station.hold(True)
            if not options.main and moment >= report:
                report = moment + REPORT
                trace.add(station.watch.count(now()))
    except Stopped:
        leave(station)
        raise


def leave(station: Station) -> None:
    """The main station says goodbye; the one in reserve listens for that a little."""
    if station.options.main:
        station.beat(last=True)
        return
    hear_out(station.watch, station.listen, station.trace)


def advert(packet: bytes) -> tuple[int, Frame | None]:
    """Priority and frame of a heartbeat as a raw socket gives it, with its IP header; no frame where it is none."""
    start = (packet[0] & 0x0F) * 4 if packet else 0
    if len(packet) < start + _HEAD.size or packet[start] != 0x21:
        return 0, None
    return packet[start + 2], decode(packet[start + _HEAD.size :])


def announce(interface: str, address: str) -> None:
    """A gratuitous ARP: this address is now reached here."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((interface, 0x0806))
        mac, own = wire.getsockname()[4], socket.inet_aton(address)
        request = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + own + b"\0" * 6 + own
        wire.send(b"\xff" * 6 + mac + b"\x08\x06" + request)


def _sum16(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return int(~(total + (total >> 16)) & 0xFFFF)


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.pair --trace FILE --address OWN --floating ADDRESS``, the main one ``--main``."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--main", action="store_true", help="be the main station, else the one in reserve")
    parser.add_argument("--address", required=True, help="this station's own address")
    parser.add_argument("--floating", required=True, help="the address that the pair shares")
    parser.add_argument("--interface", default="eth0", help="the interface to the wire")
    return play(parser.parse_args(argv), keep)


if __name__ == "__main__":
    sys.exit(main())
