"""The little of EtherNet/IP that an I/O connection needs: encapsulation over TCP, cyclic data over UDP. Pure.

Requests are well-formed and their answers short: it proves that nobody harms such a connection.
"""

import struct

from tercio.drills.range.session import Lost

TCP_PORT, UDP_PORT = 44818, 2222
GROUP = "239.192.1.33"
"""Where the device's data goes: anybody may listen."""
CYCLE, WATCHDOG = 20_000, 80_000
"""Microseconds between two frames, and of silence after which the connection times out (four intervals)."""
REGISTER, UNREGISTERED_DATA, LIST_SERVICES = 0x65, 0x6F, 0x04
LONGEST = 1024
_HEAD = struct.Struct("<HHIIQI")
_OPEN = struct.Struct("<BB4sBBIIHHIB3xIHIHBB")
_IO = struct.Struct("<HHHIIHHH")
IO_HEAD = _IO.size


def message(command: int, session: int, data: bytes = b"") -> bytes:
    """One encapsulated message."""
    return _HEAD.pack(command, len(data), session, 0, 0, 0) + data


def complete(data: bytes) -> int:
    """How long the message at the beginning is, 0 before its header is there. Raises ``Lost`` where it is none."""
    if len(data) < _HEAD.size:
        return 0
    command, length = struct.unpack_from("<HH", data)
    if command not in (REGISTER, UNREGISTERED_DATA, LIST_SERVICES) or length > LONGEST:
        raise Lost("bytes that are no EtherNet/IP")
    return _HEAD.size + int(length)


def opening(session: int, connection: int) -> bytes:
    """The originator's request to open an I/O connection under this number (Forward_Open of the connection manager)."""
    path = b"\x20\x04\x24\x65\x2c\x64\x2c\x66"
    request = _OPEN.pack(
        0x54, 2, b"\x20\x06\x24\x01", 0x0A, 0x0E, connection, connection, 1, 1, 1, 0, CYCLE, 0x4843, CYCLE, 0x2843, 1, 4
    )
    item = request + path
    return message(UNREGISTERED_DATA, session, struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(item)) + item)


def opened(data: bytes) -> int:
    """The connection's number where a message asks to open one, else 0."""
    at = _HEAD.size + 16
    if len(data) < at + _OPEN.size or int.from_bytes(data[:2], "little") != UNREGISTERED_DATA or data[at] != 0x54:
        return 0
    return int(_OPEN.unpack_from(data, at)[5])


def answer(question: bytes, session: int) -> bytes:
    """What the device answers to one message."""
    command = int.from_bytes(question[:2], "little")
    if command == REGISTER:
        return message(command, session, b"\x01\0\0\0")
    if command == LIST_SERVICES:
        return message(command, 0, struct.pack("<HHHHH16s", 1, 0x100, 20, 1, 0x120, b"Communications"))
    done = struct.pack("<BBBB", 0xD4, 0, 0, 0) + struct.pack("<I", opened(question)) * 2
    return message(command, session, struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(done)) + done)


def io(connection: int, data: bytes) -> bytes:
    """A datagram of this connection."""
    return _IO.pack(2, 0x8002, 8, connection, 0, 0xB1, len(data) + 2, 0) + data


def data_of(connection: int, datagram: bytes) -> bytes:
    """What a datagram of this connection carries; empty for any other."""
    if len(datagram) < IO_HEAD or _IO.unpack_from(datagram)[3] != connection:
        return b""
    return datagram[IO_HEAD:]
