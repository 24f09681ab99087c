"""What a process says of itself: a line of JSON a time on stderr, which its supervisor keeps."""

import contextlib
import sys
import time

import msgspec


def log(part: str, text: str) -> None:
    """Say something of a part now. A log that can't be written, as on a full disk, ends nothing."""
    line = msgspec.json.encode({"time": time.time_ns() // 1000, "part": part, "say": text})
    with contextlib.suppress(OSError):
        sys.stderr.write(line.decode() + "\n")
        sys.stderr.flush()
