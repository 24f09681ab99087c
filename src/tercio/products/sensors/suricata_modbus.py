"""What Suricata's Modbus records show of a process: the values of the points that somebody polled."""

import re
from typing import Annotated, Any

import msgspec

from tercio.model.events import Endpoint, Reading


class _Read(msgspec.Struct):
    address: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    quantity: Annotated[int, msgspec.Meta(ge=0, le=2000)] = 0
    data: str = ""


class _Message(msgspec.Struct):
    function_raw: int
    unit_id: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    read: _Read | None = None
    exception: Any = None


class _Modbus(msgspec.Struct):
    request: _Message
    response: _Message


_decode = msgspec.json.Decoder(_Modbus).decode
_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")
_TABLES = {1: "coil", 2: "discrete", 3: "register", 4: "input", 23: "register"}


def exchanged(raw: bytes, server: Endpoint | None) -> tuple[bool, tuple[Reading, ...]]:
    """Whether a request was answered, if only by a refusal, and the points that this showed."""
    try:
        modbus = _decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False, ()
    return True, _readings(modbus.request, modbus.response, server)


def _readings(request: _Message, response: _Message, server: Endpoint | None) -> tuple[Reading, ...]:
    """The request says which points, the response their values. Anything doubtful (an exception, another function, a
    wrong length) shows nothing."""
    table = _TABLES.get(request.function_raw)
    answered = response.function_raw == request.function_raw and response.exception is None
    if server is None or table is None or not answered or request.read is None or response.read is None:
        return ()
    bits = request.function_raw in (1, 2)
    count, first = request.read.quantity, request.read.address
    data = unprintable(response.read.data, (count + 7) // 8 if bits else 2 * count)
    if data is None or first + count > 65536:
        return ()
    if bits:
        values = [data[i // 8] >> i % 8 & 1 for i in range(count)]
    else:
        values = [int.from_bytes(data[2 * i : 2 * i + 2], "big") for i in range(count)]
    return tuple(Reading(server.address, request.unit_id, table, first + i, v) for i, v in enumerate(values))


def unprintable(text: str, length: int) -> bytes | None:
    r"""The ``length`` bytes that Suricata printed as ``text``, or None where they cannot be told.

    Suricata prints bytes that are UTF-8 as that text. Otherwise it prints each byte from 128 up as ``\xNN`` and the
    rest as they are, a backslash too; the length decides whether ``\xNN`` stands for one byte or for the four it shows.
    """
    plain = text.encode()
    if len(plain) == length:
        return plain
    if not text.isascii():
        return None
    data = _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text).encode("latin-1")
    return data if len(data) == length else None
