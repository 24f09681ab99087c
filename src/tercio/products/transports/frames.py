"""Messages of any length on a stream: four bytes say how long the next is."""

import asyncio
import socket
import struct
from typing import BinaryIO, TypeVar

import msgspec

LARGEST = 16 << 20
"""Bytes of one message."""

T = TypeVar("T")

_HEAD = struct.Struct(">I")


class Refused(ValueError):
    """What came is not what may come; the text says why."""


def framed(message: object, most: int = LARGEST) -> bytes:
    """A message as it goes over the wire. Raises ValueError for one of more than ``most`` bytes."""
    body = msgspec.msgpack.encode(message)
    if len(body) > most:
        raise ValueError(f"a message of {len(body)} bytes; {most} are the most")
    return _HEAD.pack(len(body)) + body


async def received(reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[T]) -> T | None:
    """The next message; None where the peer has gone, also in the middle of one. Raises Refused for what is none."""
    try:
        (length,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if length > LARGEST:
            raise Refused(f"a message of {length} bytes was announced; {LARGEST} are the most")
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return _decoded(body, decoder)


def read(stream: BinaryIO, decoder: msgspec.msgpack.Decoder[T], most: int = LARGEST) -> T | None:
    """As ``received``, from a file or a pipe, of at most ``most`` bytes. Raises OSError, too."""
    head = _exactly(stream, _HEAD.size)
    if len(head) < _HEAD.size:
        return None
    (length,) = _HEAD.unpack(head)
    if length > most:
        raise Refused(f"a message of {length} bytes was announced; {most} are the most")
    body = _exactly(stream, length)
    return _decoded(body, decoder) if len(body) == length else None


def asked(path: str, question: object, decoder: msgspec.msgpack.Decoder[T], patience: float) -> T | None:
    """The answer to one question, asked where somebody listens; None where he hung up. Raises OSError where nobody
    listens or no answer comes in so many seconds, Refused for what is no answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(patience)
        line.connect(path)
        line.sendall(framed(question))
        with line.makefile("rb") as stream:
            return read(stream, decoder)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _decoded(body: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Refused(f"a message that can't be read: {error}") from None
