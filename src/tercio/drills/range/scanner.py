"""The plant's own vulnerability scanner: sweeps the OT zone on its schedule, then reads. It never writes."""

import argparse
import asyncio
import sys

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.master import Master
from tercio.drills.range.sweep import PORTS, addresses, sweep
from tercio.drills.range.topology import SEGMENTS
from tercio.drills.range.traces import Read, Started, Trace, now


def scan(options: argparse.Namespace, trace: Trace) -> None:
    """Sweep, then ask whoever had Modbus open for coils, holding and input registers."""
    trace.add(Started(now(), "scanner"))
    targets = options.hosts or addresses(SEGMENTS["ot"].network4, 10, 40)
    found = asyncio.run(sweep(targets, options.ports, options.rate, trace))
    for target in sorted({each.target for each in found if each.port == options.port and each.outcome == "open"}):
        for reading in identify(target, options.port):
            trace.add(reading)


def identify(target: str, port: int) -> list[Read]:
    """What the scanner asks a controller: three reads."""
    readings = []
    with Master(target, port) as master:
        for function, count in ((1, 3), (3, 3), (4, 5)):
            at = now()
            readings.append(Read(at, target, function, 0, count, bool(master.read(function, count))))
    return readings


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.scanner --trace FILE``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--hosts", nargs="*", default=[], help="addresses to sweep; a part of the OT zone unless told")
    parser.add_argument("--ports", nargs="*", type=int, default=list(PORTS))
    parser.add_argument("--rate", type=float, default=100.0, help="connections a second")
    return play(parser.parse_args(argv), scan)


if __name__ == "__main__":
    sys.exit(main())
