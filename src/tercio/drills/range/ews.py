"""The engineering station in its maintenance window: looks at the controller, then writes the recipe a few times."""

import argparse
import sys
import time

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.traces import Read, Started, Trace, Write, now

RECIPE = 2
"""The holding register that maintenance writes: the recipe's temperature in tenths of a degree."""


def maintain(options: argparse.Namespace, trace: Trace) -> None:
    """Read the setpoints, then write ``count`` recipe values ``every`` seconds apart, and read them back."""
    client = ModbusTcpClient(options.target, port=options.port, timeout=1, retries=0)
    trace.add(Started(now(), "ews"))
    try:
        client.connect()
        for number in range(options.count):
            trace.add(read_setpoints(client, options.target))
            trace.add(write_recipe(client, number, options.value + number))
            time.sleep(options.every)
        trace.add(read_setpoints(client, options.target))
    finally:
        client.close()


def read_setpoints(client: ModbusTcpClient, target: str) -> Read:
    """Ask for holding registers 0 to 2."""
    at = now()
    try:
        answered = not client.read_holding_registers(0, count=3, device_id=1).isError()
    except (ModbusException, OSError):
        answered = False
    return Read(at, target, 3, 0, 3, answered)


def write_recipe(client: ModbusTcpClient, sequence: int, value: int) -> Write:
    """Write one value into the recipe's register."""
    at, local_port = now(), _local_port(client)
    try:
        refused = client.write_register(RECIPE, value, device_id=1).isError()
        outcome = "exception" if refused else "acked"
    except ModbusException:
        outcome = "timeout"
    except OSError:
        outcome = "reset"
    return Write(at if local_port else 0, now(), sequence, RECIPE, value, local_port, outcome)


def _local_port(client: ModbusTcpClient) -> int:
    try:
        return int(client.socket.getsockname()[1]) if client.socket else 0
    except OSError:
        return 0


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.ews --trace FILE --target ADDRESS``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--count", type=int, default=4, help="how many values to write")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two writes")
    parser.add_argument("--value", type=int, default=215, help="the first value; each next is one more")
    return play(parser.parse_args(argv), maintain)


if __name__ == "__main__":
    sys.exit(main())
