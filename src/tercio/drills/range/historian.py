"""The historian: reads the controller once a second from the DMZ and stores what it read."""

import argparse
import json
import sys
import time
from pathlib import Path

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from tercio.drills.range.actor import Stopped, arguments, play
from tercio.drills.range.traces import Missed, Polls, Started, Trace, now

PERIOD = 1.0


def record(options: argparse.Namespace, trace: Trace) -> None:
    """Poll until ended; every answer is one line of the store, every failure after the first answer one record."""
    client = ModbusTcpClient(options.target, port=options.port, timeout=0.8, retries=0)
    polls = missed = 0
    due = time.monotonic()
    try:
        while True:
            at = now()
            values, reason = read(client)
            if reason:
                client.close()
            else:
                append(options.store, at, values)
            if not reason and not polls:
                trace.add(Started(at, "historian"))
            if reason and polls:
                missed += 1
                trace.add(Missed(at, reason))
            polls += 1 if polls or not reason else 0
            trace.add(Polls(now(), polls, missed))
            due = max(due + PERIOD, time.monotonic())
            time.sleep(due - time.monotonic())
    except Stopped:
        trace.add(Polls(now(), polls, missed))
        raise
    finally:
        client.close()


def read(client: ModbusTcpClient) -> tuple[dict[str, list[int]], str]:
    """Coils, holding and input registers, or why there are none."""
    try:
        if not client.connect():
            return {}, "no session"
        coils = client.read_coils(0, count=3, device_id=1)
        holding = client.read_holding_registers(0, count=3, device_id=1)
        inputs = client.read_input_registers(0, count=5, device_id=1)
    except (ModbusException, OSError) as error:
        return {}, f"no answer: {error}"[:200]
    if coils.isError() or holding.isError() or inputs.isError():
        return {}, "the controller refused"
    values = {"coils": list(map(int, coils.bits[:3])), "holding": list(holding.registers), "inputs": list(inputs.registers)}
    return values, ""


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
