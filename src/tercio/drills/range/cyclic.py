"""One side of a cyclic layer-2 pair, as PROFINET talks: EtherType 0x8892, every 8 ms, a watchdog of three cycles.

Only the manner is PROFINET's, not the content: it proves that nobody harms such frames, not that anybody reads them.
"""

import argparse
import select
import socket
import sys

from tercio.drills.range.actor import Stopped, arguments, play
from tercio.drills.range.exchange import Exchange
from tercio.drills.range.stamps import LENGTH, Watch
from tercio.drills.range.traces import Trace

ETHERTYPE = 0x8892
CYCLE, WATCHDOG = 8_000, 24_000
"""Microseconds between two frames, and of silence after which a device of this kind gives up."""
FRAME_ID = b"\x80\x00"
"""Cyclic data of real-time class 1."""
HEAD = 14
STATUS = b"\x00\x00\x35\x00"
"""Behind the data: cycle counter (unused), data valid and running, transfer status."""
SHORTEST = 40
"""Bytes of data that a frame of the shortest length allowed has room for."""


def exchange(options: argparse.Namespace, trace: Trace) -> None:
    """Exchange frames with the peer until ended."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE)) as wire:
        wire.bind((options.interface, ETHERTYPE))
        head = mac(options.peer) + wire.getsockname()[4] + ETHERTYPE.to_bytes(2) + FRAME_ID
        side = Exchange(
            wire,
            lambda data: wire.send(head + data.ljust(SHORTEST, b"\0") + STATUS),
            lambda data: data[HEAD + len(FRAME_ID) :][:LENGTH] if data[6:12] == head[:6] else b"",
            Watch("cyclic", CYCLE, WATCHDOG),
            trace,
        )
        try:
            while True:
                select.select([wire], [], [], side.wait)
                side.step()
        except Stopped:
            side.end()
            raise


def mac(text: str) -> bytes:
    """The six bytes of a MAC address."""
    return bytes.fromhex(text.replace(":", ""))


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.cyclic --trace FILE --peer MAC``."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--peer", required=True, help="MAC address of the other side")
    parser.add_argument("--interface", default="eth0", help="the interface to the wire")
    return play(parser.parse_args(argv), exchange)


if __name__ == "__main__":
    sys.exit(main())
