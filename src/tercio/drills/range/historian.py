"""The historian: reads the controller once a second from the DMZ and stores what it read."""

import argparse
import json
import sys
import time
from pathlib import Path

from tercio.drills.range.actor import Stopped, arguments, play
from tercio.drills.range.master import Master
from tercio.drills.range.traces import Missed, Polls, Started, Trace, now

PERIOD = 1.0
PATIENCE = 0.3
"""Seconds between polls, and that each of a poll's three questions may take."""


def record(options: argparse.Namespace, trace: Trace) -> None:
    """Poll until ended. An answer is one line of the store; from the first answer on, a failure is one record."""
    polls = missed = 0
    due = time.monotonic()
    with Master(options.target, options.port, PATIENCE) as master:
        try:
            while True:
                at = now()
                values = read(master)
                if values and not polls:
                    trace.add(Started(at, "historian"))
                if values or polls:
                    polls += 1
                    missed += not values
                    trace.add(Polls(now(), polls, missed) if values else Missed(at, "no answer"))
                if values:
                    append(options.store, at, values)
                else:
                    master.close()
                due = max(due + PERIOD, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))
        except Stopped:
            trace.add(Polls(now(), polls, missed))
            raise


def read(master: Master) -> dict[str, list[int]]:
    """Coils, holding and input registers; empty if any of them was not answered."""
    if not master.open():
        return {}
    values = {"coils": master.read(1, 3), "holding": master.read(3, 3), "inputs": master.read(4, 5)}
    return values if all(values.values()) else {}


def append(store: Path, at: int, values: dict[str, list[int]]) -> None:
    """Add one line to the store."""
    with store.open("a") as file:
        file.write(json.dumps({"at": at, **values}) + "\n")


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.historian --trace FILE --store FILE --target ADDRESS``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--store", type=Path, required=True, help="file of stored values, one JSON object a line")
    return play(parser.parse_args(argv), record)


if __name__ == "__main__":
    sys.exit(main())
