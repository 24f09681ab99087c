"""Whether a process of ours still answers. Some do not die of what kills others, but hang: only asking tells."""

import asyncio
import base64
import contextlib
from pathlib import Path

import msgspec

from tercio.store.clickhouse import THIS_MACHINE


class Pulse(msgspec.Struct, frozen=True):
    """How to ask a process over HTTP on this machine, and what counts as dead: ``misses`` questions in a row without
    an answer within ``patience`` seconds, asked every ``every`` seconds. A start may take ``grace`` seconds until the
    first answer. ``password`` is the file that holds it."""

    port: int
    user: str
    password: Path
    every: float = 5.0
    patience: float = 10.0
    misses: int = 3
    grace: float = 300.0


async def silent(pulse: Pulse) -> None:
    """Return when the process has answered no more, or never."""
    clock = asyncio.get_running_loop()
    until = clock.time() + pulse.grace
    while not await _answers(pulse):
        if clock.time() > until:
            return
        await asyncio.sleep(min(pulse.every, 1.0))
    missed = 0
    while missed < pulse.misses:
        await asyncio.sleep(pulse.every if not missed else 0.0)
        missed = 0 if await _answers(pulse) else missed + 1


async def _answers(pulse: Pulse) -> bool:
    """Whether it answers well and in time. Who refuses the connection is dead or not there yet: not at once again."""
    try:
        async with asyncio.timeout(pulse.patience):
            return await _ask(pulse)
    except TimeoutError:
        return False
    except OSError:
        await asyncio.sleep(min(pulse.every, 1.0))
        return False


async def _ask(pulse: Pulse) -> bool:
    known = base64.b64encode(f"{pulse.user}:{pulse.password.read_text().strip()}".encode())
    reading, writing = await asyncio.open_connection(THIS_MACHINE, pulse.port)
    try:
        writing.write(
            b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic %s\r\n\r\n" % known
        )
        return (await reading.read(64)).startswith(b"HTTP/1.1 200 ")
    finally:
        writing.close()
        with contextlib.suppress(OSError):
            await writing.wait_closed()
