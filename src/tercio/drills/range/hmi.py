"""The operator's view: polls the controller at 10 Hz over one session, and says of every poll that it missed why."""

import argparse
import asyncio
import signal
import sys
import time

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from tercio.drills.range.actor import arguments
from tercio.drills.range.session import unacknowledged
from tercio.drills.range.traces import Missed, Polls, Started, Trace, now

PERIOD = 0.1
DEADLINE = 0.3
"""Seconds between polls, and within which a poll must be answered in full."""
PATIENCE = 3_000_000
"""Microseconds that a controller which has the question may take, where the machine is too busy to run it."""
LOST = "the session was gone"


class View:
    """The station's session with one controller, and its count of polls. Polls count from the first answer on."""

    def __init__(self, target: str, port: int, trace: Trace) -> None:
        self.target, self.port, self.trace = target, port, trace
        self.client: AsyncModbusTcpClient | None = None
        self.polls = 0
        self.missed = 0

    async def poll(self) -> None:
        """One poll: coils 0 to 2 and input registers 0 to 4; a lost session is opened anew. It is missed where nothing
        was answered within the deadline, unless the controller's kernel has the question: then the controller itself
        is busy, and gets its time."""
        due = now()
        asking = asyncio.ensure_future(self._ask())
        await asyncio.wait({asking}, timeout=DEADLINE)
        while not asking.done() and now() - due < PATIENCE and self._heard():
            await asyncio.wait({asking}, timeout=DEADLINE)
        reason = await self._outcome(asking)
        if reason and reason != LOST:
            self._drop()
        if not reason and self.polls == 0:
            self.trace.add(Started(now(), "hmi"))
        if reason and self.polls == 0:
            return
        self.polls += 1
        if reason:
            self.missed += 1
            self.trace.add(Missed(due, reason))

    async def _outcome(self, asking: "asyncio.Future[str]") -> str:
        if not asking.done():
            asking.cancel()
            await asyncio.wait({asking})
            return "no answer in 300 ms"
        try:
            return asking.result()
        except (ModbusException, OSError) as error:
            return f"no answer: {error}"[:200]

    def _heard(self) -> bool:
        """Whether all that was asked has reached the controller's kernel."""
        transport = self.client.ctx.transport if self.client else None
        session = transport.get_extra_info("socket") if transport else None
        return session is not None and session.fileno() >= 0 and not unacknowledged(session)

    def report(self) -> None:
        """Write the count so far."""
        self.trace.add(Polls(now(), self.polls, self.missed))

    async def _ask(self) -> str:
        if self.client is None or not self.client.connected:
            lost = self.client is not None
            self._drop()
            client = AsyncModbusTcpClient(
                self.target, port=self.port, timeout=PATIENCE / 1e6, retries=0, reconnect_delay=0
            )
            self.client = client
            if not await client.connect():
                return "no session"
            if lost:
                return LOST
        coils = await self.client.read_coils(0, count=3, device_id=1)
        values = await self.client.read_input_registers(0, count=5, device_id=1)
        return "the controller refused" if coils.isError() or values.isError() else ""

    def _drop(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None


async def watch(options: argparse.Namespace) -> None:
    """Poll until SIGTERM."""
    view = View(options.target, options.port, Trace(options.trace))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await asyncio.sleep(options.after)
    due = reported = time.monotonic()
    while not ended.is_set():
        await view.poll()
        moment = time.monotonic()
        if moment - reported >= 1.0:
            reported = moment
            view.report()
        due = following(due, moment, burst=view.polls < options.burst)
        await asyncio.sleep(due - moment)
    view.report()


def following(due: float, moment: float, *, burst: bool) -> float:
    """When the next poll is due: a period after the last was, never in the past; in a burst at once."""
    return moment if burst else max(due + PERIOD, moment)


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.hmi --trace FILE --target ADDRESS``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--burst", type=int, default=0, help="so many polls at the start without a pause")
    asyncio.run(watch(parser.parse_args(argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
