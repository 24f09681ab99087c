"""The jump host: passes TCP sessions on to one machine of the OT zone, under its own address."""

import argparse
import asyncio
import signal
import sys

from tercio.drills.range.actor import arguments
from tercio.drills.range.traces import Session, Started, Trace, now

PATIENCE = 2.0
"""Seconds that the machine behind may take to answer."""
MOST = 64
"""Sessions at a time; who comes beyond that is turned away."""


class Relay:
    """Sessions from outside, each with one of its own to the machine behind."""

    def __init__(self, target: str, port: int, trace: Trace) -> None:
        self.target, self.port, self.trace = target, port, trace
        self.open = 0

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on in both directions until one side ends."""
        address = writer.get_extra_info("peername")
        peer = str(address[0]), int(address[1])
        if self.open >= MOST:
            writer.close()
            return
        self.open += 1
        self.trace.add(Session(now(), *peer, True))
        try:
            async with asyncio.timeout(PATIENCE):
                far_reader, far_writer = await asyncio.open_connection(self.target, self.port)
            there, back = asyncio.create_task(_copy(reader, far_writer)), asyncio.create_task(_copy(far_reader, writer))
            _, rest = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            far_writer.close()
        except OSError:
            pass
        finally:
            self.open -= 1
            writer.close()
            self.trace.add(Session(now(), *peer, False))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        return


async def serve(options: argparse.Namespace) -> None:
    """Relay until SIGTERM."""
    relay = Relay(options.target, options.port, Trace(options.trace))
    server = await asyncio.start_server(relay.session, options.bind or None, options.listen)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    relay.trace.add(Started(now(), "jump"))
    await ended.wait()
    server.close()


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.relay --trace FILE --target ADDRESS``: the same port here as there."""
    parser = arguments(str(__doc__))
    parser.add_argument("--bind", default="", help="address to listen on; all of both families unless told")
    parser.add_argument("--listen", type=int, default=502, help="port to listen on")
    asyncio.run(serve(parser.parse_args(argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
