"""A harmless attacker for the loop bench, in the office zone: one strike a line on stdin, each from its own address.

``sweep ADDRESS`` tries ``SWEEP`` connections to the OT zone; ``write ADDRESS`` writes one unused register of the PLC
once. What it did comes back as one JSON line.
"""

import json
import socket
import struct
import sys
import time

PLC = "10.77.30.21"
PORTS = (502, 102, 44818, 4840, 80, 22)
TARGETS = (PLC, "10.77.30.10", "10.77.30.30")
OPEN = (PLC, 502)
"""Where somebody answers, for whom a busy machine may need long. Without this handshake a sweep could be forged, and
nothing is done about it."""
SWEEP = 18
"""Connections of one sweep: six ports on three hosts."""
UNUSED = 40
"""A holding register that means nothing to the process."""


def connect(source: str, target: str, port: int, patience: float) -> socket.socket | None:
    """One connection from a given address, or None."""
    line = socket.socket()
    line.settimeout(patience)
    try:
        line.bind((source, 0))
        line.connect((target, port))
    except OSError:
        line.close()
        return None
    return line


def sweep(source: str, rate: float) -> None:
    """Try every port on every target, the open one first, at a bounded rate."""
    began = time.monotonic()
    for number, (port, target) in enumerate((p, t) for p in PORTS for t in TARGETS):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        line = connect(source, target, port, 1.0 if (target, port) == OPEN else 0.2)
        if line is not None:
            line.close()


def write(source: str) -> None:
    """Write once; whatever comes back, the connection is closed."""
    line = connect(source, PLC, 502, 1.0)
    if line is None:
        return
    try:
        line.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, UNUSED, 1))
        line.settimeout(0.5)
        line.recv(64)
    except OSError:
        pass
    finally:
        line.close()


def main() -> None:
    """Strike as told until stdin ends."""
    rate = float(sys.argv[1])
    for text in sys.stdin:
        kind, source = text.split()
        began = time.time_ns() // 1000
        if kind == "sweep":
            sweep(source, rate)
        else:
            write(source)
        print(json.dumps({"kind": kind, "source": source, "began": began}), flush=True)


if __name__ == "__main__":
    main()
