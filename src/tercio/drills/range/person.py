"""Somebody in the office: signs on at the directory and looks at the line over the jump host, again and again."""

import argparse
import sys
import time
from pathlib import Path

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.master import Master
from tercio.drills.range.signon import sign_on
from tercio.drills.range.traces import Read, Started, Trace, now

PERIOD = 3.0
"""Seconds between two looks."""


def work(options: argparse.Namespace, trace: Trace) -> None:
    """Look until ended, in a new session each time; sign on before, where there is a directory."""
    started = False
    while True:
        if options.directory and (options.passwords / options.account).exists():
            trace.add(sign_on(options.directory, 389, options.account, options.passwords))
        at = now()
        with Master(options.target, options.port) as master:
            answered = bool(master.open() and master.read(3, 3))
        if answered and not started:
            trace.add(Started(at, "person"))
            started = True
        if started:
            trace.add(Read(at, options.target, 3, 0, 3, answered))
        time.sleep(options.every if started else 0.1)


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.person --trace FILE --target JUMPHOST``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--directory", default="", help="address of the directory; nobody signs on unless told")
    parser.add_argument("--account", default="eplan", help="whose account")
    parser.add_argument("--passwords", type=Path, default=Path(), help="folder in which the directory laid them down")
    parser.add_argument("--every", type=float, default=PERIOD, help="seconds between two looks")
    return play(parser.parse_args(argv), work)


if __name__ == "__main__":
    sys.exit(main())
