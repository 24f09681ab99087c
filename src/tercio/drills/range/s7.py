"""An S7 client that polls an S7 controller: TPKT, COTP and the little of S7comm that a read of a data block needs.

It proves that nobody harms such a session, not that it speaks the protocol in full: the server answers every job with
data, and writes are unknown to it.
"""

import argparse
import socketserver
import struct
import sys
import time

from tercio.drills.range.actor import Stopped, arguments, play
from tercio.drills.range.session import PAUSE, Asking, Lost
from tercio.drills.range.traces import Started, Trace, now

PORT = 102
PERIOD = 0.2
CONNECT = bytes.fromhex("0300001611e00000000100c0010ac1020100c2020102")
CONFIRM = bytes.fromhex("0300001611d00001000100c0010ac1020100c2020102")
"""COTP connection request and confirm (ISO 8073), with both ends' TSAPs and the size of a TPDU."""
SETUP = bytes.fromhex("0300001902f08032010000000000080000f0000001000101e0")
"""Setup communication: one job at a time, PDUs of 480 bytes."""
READ = bytes.fromhex("0300001f02f080320100000000000e00000401120a10020008000184000000")
"""Read eight bytes of data block 1."""
LONGEST = 1024
_REFERENCE = 11


def complete(data: bytes) -> int:
    """How long the TPKT at the beginning is, 0 where its header is not there yet. Raises ``Lost`` for none at all."""
    if len(data) < 4:
        return 0
    length = int.from_bytes(data[2:4])
    if data[0] != 3 or not 7 <= length <= LONGEST:
        raise Lost("bytes that are no TPKT")
    return length


def poll(options: argparse.Namespace, trace: Trace) -> None:
    """Poll until ended; a lost session is opened anew."""
    asking = Asking("s7", (options.target, options.port), complete, trace)
    started = False
    due = time.monotonic()
    number = 0
    try:
        while True:
            try:
                if not number:
                    number = greet(asking)
                if number:
                    number = number % 0xFFFF + 1
                    asking.ask(numbered(READ, number))
                    if not started:
                        started = True
                        trace.add(Started(now(), "s7"))
            except Lost:
                number = 0
            due = max(due + PERIOD, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()) if number else PAUSE)
    except Stopped:
        asking.report()
        asking.close()
        raise


def greet(asking: Asking) -> int:
    """Open the session and agree: 1 when that has worked, 0 where nobody listens."""
    if not asking.open():
        return 0
    asking.ask(CONNECT)
    asking.ask(numbered(SETUP, 1))
    return 1


def numbered(job: bytes, number: int) -> bytes:
    """The job with its reference number."""
    return job[:_REFERENCE] + struct.pack(">H", number) + job[_REFERENCE + 2 :]


def answer(question: bytes, counter: int) -> bytes:
    """What the controller answers to one TPKT; empty where it hangs up."""
    if len(question) >= 7 and question[5] == 0xE0:
        return CONFIRM
    if len(question) < 19 or question[5] != 0xF0 or question[7:9] != b"\x32\x01":
        return b""
    reference, function = question[_REFERENCE : _REFERENCE + 2], question[17]
    parameter, data = question[17:25] if function == 0xF0 else b"\x04\x01", b""
    if function == 0x04:
        data = b"\xff\x04" + struct.pack(">HQ", 64, counter)
    elif function != 0xF0:
        return b""
    body = b"\x32\x03\0\0" + reference + struct.pack(">HH", len(parameter), len(data)) + b"\0\0" + parameter + data
    return struct.pack(">BBH", 3, 0, 7 + len(body)) + b"\x02\xf0\x80" + body


class Session(socketserver.StreamRequestHandler):
    """One client's session."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer until the client goes, or says what is not understood."""
        counter = 0
        try:
            while head := self.rfile.read(4):
                question = head + self.rfile.read(complete(head) - 4) if len(head) == 4 else b""
                counter += 1
                reply = answer(question, counter)
                if not reply:
                    return
                self.wfile.write(reply)
        except (OSError, Lost):
            return


class Server(socketserver.ThreadingTCPServer):
    """The controller: any number of sessions side by side."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


def serve(options: argparse.Namespace, trace: Trace) -> None:
    """Serve until ended."""
    with Server((options.bind, options.port), Session) as server:
        trace.add(Started(now(), "s7"))
        server.serve_forever(poll_interval=60)


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.s7 --trace FILE --target ADDRESS``, and ``--serve`` for the controller."""
    parser = arguments(str(__doc__).splitlines()[0])
    parser.add_argument("--serve", action="store_true", help="be the controller")
    parser.add_argument("--bind", default="", help="the controller's address to listen on; all unless told")
    parser.set_defaults(port=PORT)
    options = parser.parse_args(argv)
    return play(options, serve if options.serve else poll)


if __name__ == "__main__":
    sys.exit(main())
