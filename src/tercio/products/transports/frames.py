"""Messages of any length on a stream: four bytes say how long the next is."""

import asyncio
import socket
import struct
from typing import TypeVar

import msgspec

LARGEST = 16 << 20
"""Bytes of one message."""

T = TypeVar("T")

_HEAD = struct.Struct(">I")


class Refused(ValueError):
    """What came is not what may come; the text says why."""


def framed(message: object) -> bytes:
    """A message as it goes over the wire. Raises ValueError for one that is longer than ``LARGEST``."""
    body = msgspec.msgpack.encode(message)
    if len(body) > LARGEST:
        raise ValueError(f"a message of {len(body)} bytes; {LARGEST} are the most")
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


def asked(path: str, question: object, decoder: msgspec.msgpack.Decoder[T], patience: float) -> T | None:
    """The answer to one question, asked where somebody listens; None where he hung up. Raises OSError where nobody
    listens or no answer comes in so many seconds, Refused for what is no answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(patience)
        line.connect(path)
        line.sendall(framed(question))
        with line.makefile("rb") as stream:
            head = stream.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return None
            (length,) = _HEAD.unpack(head)
            return _decoded(stream.read(min(length, LARGEST)), decoder)


def _decoded(body: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Refused(f"a message that can't be read: {error}") from None
