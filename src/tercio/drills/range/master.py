"""A Modbus client that asks one thing after the other: what the historian, the scanner and the engineer share."""

from types import TracebackType
from typing import Any, Self

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException


class Master:
    """A session with one controller, opened on first use and anew after it was lost. Failures are values."""

    def __init__(self, target: str, port: int, patience: float = 1.0) -> None:
        self.client: Any = ModbusTcpClient(target, port=port, timeout=patience, retries=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.client.close()

    def open(self) -> bool:
        """Whether there is a session, after trying to open one."""
        try:
            return bool(self.client.connect())
        except OSError:
            return False

    def close(self) -> None:
        """End the session; the next question opens another."""
        self.client.close()

    @property
    def local_port(self) -> int:
        """The session's own port, 0 where there is none."""
        try:
            return int(self.client.socket.getsockname()[1]) if self.client.socket else 0
        except OSError:
            return 0

    def read(self, function: int, count: int) -> list[int]:
        """Ask for ``count`` values from address 0 on: coils (function 1), holding (3) or input registers (4).

        No answer, or a refusal, is an empty list.
        """
        ask = {1: self.client.read_coils, 3: self.client.read_holding_registers, 4: self.client.read_input_registers}
        try:
            response = ask[function](0, count=count, device_id=1)
        except (ModbusException, OSError):
            return []
        if response.isError():
            return []
        return [int(each) for each in (response.bits if function == 1 else response.registers)[:count]]

    def write(self, register: int, value: int) -> str:
        """Write one holding register: acked, exception, reset or timeout."""
        try:
            refused = self.client.write_register(register, value, device_id=1).isError()
        except ModbusException:
            return "timeout"
        except OSError:
            return "reset"
        return "exception" if refused else "acked"
