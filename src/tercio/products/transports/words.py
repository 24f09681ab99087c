"""The loop's ear for people: a pathname socket that takes one word per connection and gives one sentence back."""

import asyncio
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from tercio.model.precision import Judgement
from tercio.model.words import NOT_DONE, Window, Word, WordKind

LONGEST = 65536
"""Bytes of one word at the most."""

PATIENCE = 10.0
"""Seconds that a connection may take to say its word, or to wait for the answer."""

LATE = f"{NOT_DONE}the loop did not answer in time; `tercio doctor` says whether it runs"
ENDED = "the loop ended before it answered; say it again once it runs"

_CREDENTIALS = struct.Struct("3i")


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes over the wire: who says it, and when, the loop knows better."""

    kind: WordKind
    target: str = ""
    window: Window | None = None
    verdict: Judgement | None = None
    rules: tuple[str, ...] = ()
    note: str = ""


class Heard(msgspec.Struct, frozen=True):
    """What goes back: whether it was understood, and one sentence."""

    ok: bool
    answer: str


Ear = Callable[[Said, str], Awaitable[str]]
"""Takes a word and who said it (a user's name, from the kernel), returns the sentence for him."""

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Attends to one connection, and closes it."""


async def listen(path: Path, ear: Ear) -> asyncio.Server:
    """Open the socket and answer until the server is closed."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = await _hear(reader, writer, ear)
        try:
            writer.write(msgspec.json.encode(heard) + b"\n")
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    return await serve(path, connected)


async def serve(path: Path, connected: Connected) -> asyncio.Server:
    """Open a pathname socket (mode 0600) where an old one may lie, and let ``connected`` attend to who comes."""
    _clear(path)
    umask = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(connected, path, limit=LONGEST)
    finally:
        os.umask(umask)


def _clear(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


async def _hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ear: Ear) -> Heard:
    try:
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        said = msgspec.json.decode(line, type=Said)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
        return Heard(False, f"not understood: {error}")
    except (TimeoutError, ConnectionError):
        return Heard(False, "not understood: nothing was said in time")
    try:
        return Heard(True, await asyncio.wait_for(ear(said, _who(writer)), PATIENCE))
    except TimeoutError:
        return Heard(False, LATE)


def _who(writer: asyncio.StreamWriter) -> str:
    """The user at the other end, by the kernel's word."""
    peer: socket.socket = writer.get_extra_info("socket")
    _, uid, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def say(path: Path, said: Said) -> Heard:
    """Say one word to a running loop and wait for its answer. Raises OSError where nobody listens."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        line.connect(str(path))
        line.settimeout(2 * PATIENCE + 1)  # Longer than the loop itself takes to say that it gave up.
        data = b""
        try:
            line.sendall(msgspec.json.encode(said) + b"\n")
            while not data.endswith(b"\n") and (chunk := line.recv(LONGEST)):
                data += chunk
        except TimeoutError:
            return Heard(False, LATE)
        except ConnectionError:
            return Heard(False, ENDED)
    try:
        return msgspec.json.decode(data, type=Heard)
    except msgspec.DecodeError:
        return Heard(False, ENDED)


def word(said: Said, who: str, now: int) -> Word:
    """The word as the loop takes it."""
    given = {name: getattr(said, name) for name in Said.__struct_fields__}
    return Word(who=who, time=now, **given)
