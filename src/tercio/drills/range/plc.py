"""The controller: a Modbus/TCP server whose registers drive the line, tracing every request with who sent it."""

import argparse
import asyncio
import signal
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from tercio.drills.range.process import Coils, Setpoints, Tank, step
from tercio.drills.range.traces import Line, Malformed, Request, Session, Started, Trace, Trip, now

SCAN = 0.05
"""Seconds between two scans of the program: 20 Hz."""
_COILS, _HOLDING, _INPUT = (1, 5, 15), (3, 6, 16), 4
_WRITES = (5, 6, 15, 16, 22, 23)


class Connection(ServerRequestHandler):
    """One client's session. Requests are answered one by one in the order of their arrival, also where TCP delivers
    many at once: pymodbus alone answers the first and forgets the rest, which would hide a replayed write."""

    def __init__(self, owner: "Controller") -> None:
        super().__init__(owner, None, None, None)  # type: ignore[no-untyped-call]  # pymodbus types only in part
        self.owner = owner
        self.max_buffer_size = 1 << 16
        self.peer = ("", 0)
        self.waiting: asyncio.Queue[ModbusPDU] = asyncio.Queue()
        self.worker: asyncio.Task[None] | None = None

    def callback_connected(self) -> None:
        """Remember who called."""
        super().callback_connected()
        address = self.transport.get_extra_info("peername")
        self.peer = (str(address[0]), int(address[1]))
        self.owner.trace.add(Session(now(), *self.peer, True))
        self.worker = asyncio.get_running_loop().create_task(self.answer())

    def callback_disconnected(self, exc: Exception | None) -> None:
        """The session is over."""
        super().callback_disconnected(exc)
        if self.worker is not None:
            self.worker.cancel()
        self.owner.trace.add(Session(now(), *self.peer, False))

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        """Take every complete request out of the buffer; hang up on bytes that are none."""
        del addr
        used = 0
        while used < len(data):
            try:
                length, pdu = self.framer.handleFrame(data[used:], 0, 0)
            except (ModbusException, ValueError, IndexError, struct.error) as error:
                self.owner.trace.add(Malformed(now(), *self.peer, str(error)[:200]))
                cast(asyncio.Transport, self.transport).abort()
                return len(data)
            if pdu is None:
                break
            used += length
            self.owner.trace.add(record(pdu, *self.peer))
            self.waiting.put_nowait(pdu)
        return used

    async def answer(self) -> None:
        """Carry out what came, in order."""
        while True:
            pdu = await self.waiting.get()
            try:
                response = await pdu.datastore_update(self.server.context, pdu.dev_id)
            except (ModbusException, AttributeError, ValueError, TypeError):
                response = ExceptionResponse(pdu.function_code, ExcCodes.ILLEGAL_FUNCTION)
            response.transaction_id, response.dev_id = pdu.transaction_id, pdu.dev_id
            rest = self.recv_buffer
            self.pdu_send(response)
            self.recv_buffer = rest


class Controller(ModbusTcpServer):
    """The server and its memory: 16 coils, 16 holding and 16 input registers, whatever unit id is asked."""

    def __init__(self, trace: Trace, host: str, port: int) -> None:
        bits = [SimData(0, count=16, values=False, datatype=DataType.BITS)]
        words = [SimData(0, count=16, values=0, datatype=DataType.REGISTERS)]
        super().__init__(SimDevice(0, simdata=(bits, bits, words, words)), address=(host, port))
        self.trace = trace

    def callback_new_connection(self) -> Connection:
        """One session for one client."""
        return Connection(self)

    async def run_line(self) -> None:
        """Scan the program at 20 Hz until cancelled; the state of the line is traced once a second and at the end."""
        tank, reported, last = Tank(), 0.0, time.monotonic()
        await self.put(_COILS[2], _flags(Coils()))
        await self.put(_HOLDING[2], [Setpoints().high, Setpoints().low, Setpoints().recipe])
        try:
            while True:
                await asyncio.sleep(SCAN)
                moment = time.monotonic()
                tank = await self.scan(tank, round((moment - last) * 1_000_000))
                last = moment
                if moment - reported >= 1.0:
                    reported = moment
                    self.trace.add(_line(tank))
        finally:
            self.trace.add(_line(tank))

    async def scan(self, tank: Tank, span: int) -> Tank:
        """One scan: read what clients wrote, step the line, write what they will read."""
        coils = Coils(*map(bool, await self.async_getValues(0, _COILS[0], 0, 3)))
        setpoints = Setpoints(*map(int, await self.async_getValues(0, _HOLDING[0], 0, 3)))
        after, coils = step(tank, coils, setpoints, span)
        await self.put(_COILS[2], _flags(coils))
        await self.put(_INPUT, after.inputs())
        if after.trips > tank.trips:
            self.trace.add(Trip(now(), after.tripped, round(after.level, 2)))
        return after

    async def put(self, function: int, values: list[int] | list[bool]) -> None:
        """Write from address 0 on into the table that the function code names."""
        await self.async_setValues(0, function, 0, values)


def record(pdu: ModbusPDU, peer: str, port: int) -> Request:
    """A request as the trace keeps it: a read/write request (23) by its writing half."""
    code, address, count = pdu.function_code, pdu.address, pdu.count
    values: Iterable[int] = ()
    if code == 23:
        values = getattr(pdu, "write_registers", ())
        address, count = getattr(pdu, "write_address", 0), getattr(pdu, "write_count", 0)
    elif code == 22:
        values = (getattr(pdu, "and_mask", 0), getattr(pdu, "or_mask", 0))
    elif code in _WRITES:
        values = map(int, pdu.bits if code in {5, 15} else pdu.registers)
    written = tuple(values)
    return Request(now(), peer, port, code, address, count or len(written), written)


def _flags(coils: Coils) -> list[bool]:
    return [coils.running, coils.valve, coils.pump]


def _line(tank: Tank) -> Line:
    return Line(now(), tank.ran, round(tank.level, 2), round(tank.temperature, 2), tank.bottles, tank.trips)


async def serve(trace: Trace, host: str, port: int) -> None:
    """Serve until SIGTERM."""
    controller = Controller(trace, host, port)
    line = asyncio.create_task(controller.run_line())
    await controller.serve_forever(background=True)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    trace.add(Started(now(), "plc"))
    stop = asyncio.create_task(ended.wait())
    await asyncio.wait({line, stop}, return_when=asyncio.FIRST_COMPLETED)
    if line.done():
        line.result()
    line.cancel()
    await asyncio.gather(line, return_exceptions=True)
    controller.close()


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.plc --trace FILE``: all local addresses of both families, port 502."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trace", type=Path, required=True, help="file to append ground truth to")
    parser.add_argument("--bind", default="", help="address to listen on; all of both families unless told")
    parser.add_argument("--port", type=int, default=502)
    options = parser.parse_args(argv)
    asyncio.run(serve(Trace(options.trace), options.bind, options.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
