"""The engineering station in its maintenance window: looks at the controller, then writes the recipe a few times."""

import argparse
import sys
import time

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.master import Master
from tercio.drills.range.traces import Read, Started, Trace, Write, now

RECIPE = 2
"""The holding register that maintenance writes: the recipe's temperature in tenths of a degree."""


def maintain(options: argparse.Namespace, trace: Trace) -> None:
    """Write ``count`` recipe values ``every`` seconds apart, each after a look at the setpoints, and look once more."""
    trace.add(Started(now(), "ews"))
    with Master(options.target, options.port) as master:
        for number in range(options.count):
            look(master, options.target, trace)
            at = now() if master.open() else 0
            port = master.local_port
            outcome = master.write(RECIPE, options.value + number) if at else "refused"
            trace.add(Write(at, now(), number, RECIPE, options.value + number, port, outcome))
            time.sleep(options.every)
        look(master, options.target, trace)


def look(master: Master, target: str, trace: Trace) -> None:
    """Ask for holding registers 0 to 2."""
    at = now()
    trace.add(Read(at, target, 3, 0, 3, bool(master.read(3, 3))))


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.ews --trace FILE --target ADDRESS``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--count", type=int, default=4, help="how many values to write")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two writes")
    parser.add_argument("--value", type=int, default=215, help="the first value; each next is one more")
    return play(parser.parse_args(argv), maintain)


if __name__ == "__main__":
    sys.exit(main())
