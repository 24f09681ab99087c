"""Netlink's packing (RFC 3549): messages, and attributes that may hold others. Pure: bytes in, bytes out."""

import struct
from collections.abc import Iterator

_KIND = 0x3FFF
"""The two bits above an attribute's number say how it is packed."""
_NESTED = 0x8000


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages in what the kernel sent at once: kind, flags, number of the question, body."""
    while len(data) >= 16:
        size, kind, marks, number = struct.unpack_from("=IHHI", data)
        yield kind, marks, number, data[16:size]
        data = data[(max(size, 16) + 3) & ~3 :]


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a body, or in another attribute: number and value."""
    at, end = 0, len(data)
    while end - at >= 4:
        size, kind = struct.unpack_from("=HH", data, at)
        yield kind & _KIND, data[at + 4 : at + max(size, 4)]
        at += (max(size, 4) + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *inner: bytes) -> bytes:
    """One attribute that holds others."""
    return attribute(kind | _NESTED, b"".join(inner))
