"""What every actor of the range does alike: its command line, its trace, its start and its end."""

import argparse
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tercio.drills.range.traces import Trace


class Stopped(Exception):
    """Somebody asked the actor to end (SIGTERM): it writes its last record and leaves."""


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that all actors have: the trace, the controller's address, when to begin, how nice to be."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--trace", type=Path, required=True, help="file to append ground truth to")
    parser.add_argument("--target", default="127.0.0.1", help="address of the controller")
    parser.add_argument("--port", type=int, default=502, help="port of the controller")
    parser.add_argument("--after", type=float, default=0.0, help="seconds to wait before the first act")
    parser.add_argument("--nice", type=int, default=0, help="how far to stand back for others' need of the CPU")
    return parser


def play(options: argparse.Namespace, act: Callable[[argparse.Namespace, Trace], None]) -> int:
    """Wait until it is time, stand back if told so, act, and end cleanly when asked to. Returns the exit status."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    trace = Trace(options.trace)
    os.nice(options.nice)
    try:
        time.sleep(max(0.0, options.after))
        act(options, trace)
    except (Stopped, KeyboardInterrupt):
        return 0
    return 0
